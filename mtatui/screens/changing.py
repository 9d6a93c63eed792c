"""From what is staged to what holds: plan, review, apply, confirm, take back. One for each server.

What was typed survives whatever becomes of it: it stays staged until the server has it, and is staged again
when the server gave it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from textual.timer import Timer

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.host import HostError
from mtatui.screens.acting import Acting, Face
from mtatui.screens.applying import OUTCOMES, ApplyingScreen
from mtatui.screens.review import MINUTES, Answer, ReviewScreen
from mtatui.screens.settings_model import SettingsModel
from mtatui.screens.settings_sheets import called
from mtatui.server import Server
from mtatui.settings.current import Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Plan
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.configuration import Configuration
    from mtatui.backends.history import Entry

#: Entries of the history that are looked through for one that waits to be confirmed.
RECENT = 20
#: Seconds that the guard on the server gets to take back what nobody has confirmed.
GRACE = 3.0


class SettingsFace(Face, Protocol):
    """What changing settings asks of the app, besides."""

    def set_interval(self, interval: float, callback: Callable[[], None]) -> Timer:
        """Call again and again."""
        ...

    def show_headers(self) -> None:
        """Something in the header of every page is different now."""
        ...


class Changing:
    """The hands of the pages of settings."""

    def __init__(self, app: SettingsFace, server: Server, acting: Acting) -> None:
        self.app = app
        self.server = server
        self.acting = acting
        self.standing = acting.standings.of(server)
        self.model = SettingsModel()
        self.running = False
        self.waiting: tuple[str, float] | None = None
        """The history entry that waits to be confirmed, and until when (epoch seconds)."""
        self._reader: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._tried: dict[str, Any] = {}
        self._outside: tuple[str, ...] = ()
        self._clock: Timer | None = None

    @property
    def configuration(self) -> Configuration:
        """What is set on the server."""
        return self.server.configuration

    @property
    def staged(self) -> Mapping[str, Any]:
        """What is staged, by key."""
        return self.model.changes

    def told(self, most: int) -> Iterator[str]:
        """What is staged, in words; so many of it."""
        words = list(self.model.in_words())
        yield from words[:most]
        if len(words) > most:
            yield f"… and {len(words) - most} more"

    def tell(self, text: str, severity: str = "information") -> None:
        """One line for the person; where there are several servers it says of which it speaks."""
        name = self.server.name
        named = self.acting.standings.many and not text.startswith(name)
        self.app.tell(f"{name}: {text}" if named else text, severity)

    # --- reading ---------------------------------------------------------------------------------------

    def read_soon(self, *, passing: bool = False) -> None:
        """Read the configuration, unless that is being done.

        Args:
            passing: the person goes from server to server; trouble is told in one line, and no sheet of it
                stops them.
        """
        if self._reader is None or self._reader.done():
            self._reader = asyncio.get_running_loop().create_task(self.read(passing=passing))
            self._reader.add_done_callback(self._read_ended)

    def _read_ended(self, reader: asyncio.Task[None]) -> None:
        """A fault of mtatui's own is told: else the page would wait for values that never come."""
        if not reader.cancelled() and (fault := reader.exception()) is not None:
            self.model.trouble = f"mtatui itself has failed: {type(fault).__name__}: {fault}"
            self.model.tell()
            self.tell(self.model.trouble, "error")

    async def read(self, *, ahead: bool = False, passing: bool = False) -> None:
        """Read the configuration; what is staged stays over it.

        What the filters say takes longer than what Postfix does: the first time that comes later.

        Args:
            ahead: nobody has asked for it yet; trouble is told when somebody does.
            passing: as for `read_soon`.
        """
        try:
            if not self.model.whole:
                self._take(await self.configuration.read(filters=False))
            self._take(await self.configuration.read(filters=True))
        except HostError as error:
            self.model.trouble = str(error)
            self.model.tell()
            if not ahead:
                self.tell(str(error), "information" if passing else "error")
            return
        if self.model.trying and not ahead and (self._counting is None or self._counting.done()):
            self._counting = asyncio.get_running_loop().create_task(self._count_trials())

    def _take(self, reading: Reading) -> None:
        self.standing.alarms = [called(finding) for finding in reading.findings if finding.grave]
        self.app.show_headers()
        if moved := self.model.take(reading):
            self.tell(
                f"Changed by somebody else meanwhile: {', '.join(moved)}. What you staged stays staged.",
                "warning",
            )
        elif reading.changed_outside and reading.changed_outside != self._outside:
            files = ", ".join(reading.changed_outside)
            self.tell(f"Changed by hand since the last entry of the history: {files}.")
        self._outside = reading.changed_outside

    async def _count_trials(self) -> None:
        """Look into the mail log for what checks on trial would have refused; it may take a while."""
        with contextlib.suppress(HostError):  # without a log nothing is known of it, and nothing said
            self.model.trials = await self.server.trials()
            self.model.tell()

    # --- from a plan to its end ------------------------------------------------------------------------

    async def review(self) -> None:
        """Plan what is staged, and show it."""
        reading = self.model.reading
        if reading is None or not self.staged:
            self.tell("Nothing is staged: switch or edit something first.")
            return
        try:
            plan = await asyncio.to_thread(self.configuration.plan, reading, dict(self.staged))
        except (Refused, HostError) as error:
            self.tell(str(error), "error")
            return
        if plan.empty:
            self.tell("Not a byte would change: all of it is so already.")
        else:
            self.look_at(plan)

    async def undo(self, entry: Entry) -> None:
        """Plan the way back from a history entry, and show it."""
        try:
            plan = await self.configuration.undo_plan(entry)
        except (Refused, HostError) as error:
            self.tell(str(error), "error")
            return
        if plan.empty:
            self.tell("There is nothing left to take back: it is as it was before.")
        else:
            self.look_at(plan)

    async def undo_last(self) -> None:
        """Plan the way back from the last change that still stands, and show it."""
        from mtatui.backends.history import last_undoable

        try:
            entries = await self.configuration.history()
        except HostError as error:
            self.tell(str(error), "error")
            return
        if entries and entries[0].awaiting:
            self.tell("The last change waits to be confirmed: Y keeps it; H, then B takes it back.")
        elif (last := last_undoable(entries)) is None:
            self.tell("There is no change of settings to take back.")
        else:
            await self.undo(last)

    def look_at(self, plan: Plan) -> None:
        """Show a plan; apply it where that is the answer."""

        def answered(answer: Any) -> None:
            if answer is not None:
                self._apply(plan, MINUTES * 60 if answer == Answer.CONFIRM else None)

        self.app.push_screen(ReviewScreen(plan), answered)

    def _apply(self, plan: Plan, confirm_within: float | None) -> None:
        if self.running:
            self.tell("Something is being applied already.", "warning")
            return
        cancel = asyncio.Event()
        screen = ApplyingScreen(
            plan,
            cancel.set,
            lambda: self.app.work(self.confirm()),
            lambda: self.app.work(self.roll_back()),
        )
        self.app.push_screen(screen, lambda _: None)
        self.app.work(self._run(plan, confirm_within, cancel, screen))

    async def _run(
        self, plan: Plan, confirm_within: float | None, cancel: asyncio.Event, screen: ApplyingScreen
    ) -> None:
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()

        def progress(step: Step) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody looks any more
                loop.call_soon_threadsafe(screen.took, step, context=context)

        self.running = True
        try:
            applied = await self.configuration.apply(
                plan, confirm_within=confirm_within, progress=progress, cancel=cancel
            )
            await self._landed(plan, applied)
            screen.ended(applied)
        except HostError as error:
            screen.failed(str(error))
        finally:
            self.running = False
            if not screen.over:  # nobody shall sit before it for ever
                screen.failed("mtatui itself has failed. H, the history, says what became of it.")

    async def _landed(self, plan: Plan, applied: Applied) -> None:
        """What became of it: what the server has now is staged no more."""
        outcome = applied.outcome
        tried = {change.key: self.staged[change.key] for change in plan.changes if change.key in self.staged}
        await self.read()
        if applied.ok:
            if tried:
                self.model.reset(*tried)
            self._tried = tried
        if outcome is Ending.AWAITING and applied.until is not None:
            self._wait(applied.entry_id, applied.until)
        text, role = OUTCOMES[outcome]
        self.tell(text.lstrip("✔✖◐ "), {"danger": "error"}.get(role, "information"))

    # --- what waits to be confirmed --------------------------------------------------------------------

    async def look_ahead(self) -> None:
        """Read everything, quietly; find out whether something was interrupted or waits to be confirmed."""
        if self._reader is None:
            await self.read(ahead=True)
        await self.settle()

    async def settle(self) -> None:
        """Find out, quietly, whether something was interrupted or waits to be confirmed."""
        if self.configuration.why_not():
            return
        try:
            settled = await self.configuration.settle()
            entries = await self.configuration.history(RECENT)
        except HostError:
            return  # whoever opens the history is told
        for entry in settled:
            self.tell(
                f"Interrupted, and rolled back: {clean('; '.join(entry.words))}. H shows it.", "warning"
            )
        for entry in entries:
            if entry.awaiting and entry.until is not None:
                self._wait(entry.id, entry.until)
                break

    def _wait(self, id: str, until: float) -> None:
        self.waiting = id, until
        if self._clock is None:
            self._clock = self.app.set_interval(1.0, self._tick)
        self._tick()

    def _stop_waiting(self) -> None:
        self.waiting = None
        self.standing.waits = ()
        if self._clock is not None:
            self._clock.stop()
            self._clock = None
        self.app.show_headers()

    def _tick(self) -> None:
        if self.waiting is None:
            return
        left = int(self.waiting[1] - time.time())
        if left <= -GRACE:
            self._stop_waiting()
            self.app.work(self._ran_out())
            return
        left = max(left, 0)
        self.standing.until = self.waiting[1]
        self.standing.waits = [(f"keep? {left // 60}:{left % 60:02} · Y ", "warning")]
        self.app.show_headers()

    async def _ran_out(self) -> None:
        await self._back()
        self.tell(
            "Nobody confirmed it: the old configuration is back. What you had set is staged.", "warning"
        )

    async def confirm(self) -> None:
        """Keep what waits."""
        if self.waiting is None:
            self.tell("Nothing waits to be confirmed.")
            return
        try:
            await self.configuration.confirm(self.waiting[0])
        except HostError as error:
            self.tell(str(error), "error")
            return
        self._tried = {}
        self._stop_waiting()
        self.tell("Confirmed: it stays.")

    async def roll_back(self) -> None:
        """Take back what waits, now."""
        if self.waiting is None:
            self.tell("Nothing waits to be confirmed.")
            return
        try:
            applied = await self.configuration.roll_back(self.waiting[0])
        except HostError as error:
            self.tell(str(error), "error")
            return
        self._stop_waiting()
        await self._back()
        said = "Taken back: the old configuration is in place. What you had set is staged."
        broken = applied.outcome is Ending.BROKEN
        self.tell(
            f"{OUTCOMES[applied.outcome][0]} {applied.text}" if broken else said,
            "error" if broken else "information",
        )

    async def _back(self) -> None:
        """The server has what it had before: what was set is staged again."""
        await self.read()
        tried, self._tried = self._tried, {}
        for key, value in tried.items():
            self.model.stage(key, value)
