"""From a chosen verb to its receipts: freeze, ask, act, tell. The app has one of these for all its screens.

One verb runs at a time on a server; another one chosen meanwhile is refused in words. A running verb can be
cancelled, survives its screen and the terminal, and always ends in a line that says what became of what.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from textual.screen import Screen

from mtatui import ask
from mtatui.backends.host import HostError
from mtatui.fleet import Fleet
from mtatui.queue.message import State
from mtatui.queue.selection import Outcome, Result, Selection
from mtatui.screens.standing import Standings
from mtatui.text import clean, count, size
from mtatui.verbs import VERBS, Verb
from mtatui.widgets.dialog import ConfirmDialog
from mtatui.widgets.lines import Piece

if TYPE_CHECKING:
    from mtatui.fleet.deeds import Deed


class Face(Protocol):
    """What acting asks of the app."""

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], None]) -> Any:
        """Ask, and hear the answer."""
        ...

    def tell(self, text: str, severity: str = "information") -> None:
        """Say one line."""
        ...

    def progress(self, pieces: Sequence[Piece]) -> None:
        """Show what is being done; nothing when it is done."""
        ...

    def work(self, job: Coroutine[Any, Any, None]) -> None:
        """Run something that must come to its end."""
        ...


class Acting:
    """The hands of the terminal face."""

    def __init__(self, app: Face, fleet: Fleet) -> None:
        self.app = app
        self.fleet = fleet
        self.running = ""
        """What is being done, in words; "" when nothing is."""
        self.last: Outcome | None = None
        self.standings = Standings()
        """What the header of every page is to say of each server."""
        self._cancel = asyncio.Event()
        self._stoppable = True

    def run(self, what: str, do: Callable[[], Awaitable[tuple[str, str]]]) -> None:
        """Do something that cannot be stopped half way, and tell what came of it: words, how serious."""
        if self._busy():
            return
        self._begin(what, stoppable=False)

        async def job() -> None:
            try:
                text, severity = await do()
            except HostError as error:
                text, severity = str(error), "error"
            finally:
                self._end()
            self.app.tell(text, severity)

        self.app.work(job())

    async def choose(
        self, verb: Verb, ids: Sequence[str], chosen_by: str, done: Callable[[Outcome], None] = lambda _: None
    ) -> None:
        """A verb was chosen for these messages: refuse it in words, or ask where that is due, then do it."""
        if self._busy():
            return
        if not ids:
            self.app.tell("There is no message under the cursor, and none is marked.", "warning")
            return
        if len(ids) < ask.LARGE:
            await self._choose(verb, ids, chosen_by, done)
        else:  # that takes a moment, in which the keys go on
            self.app.work(self._choose_many(verb, ids, chosen_by, done))

    def _busy(self) -> bool:
        if self.running:
            self.app.tell(f"Still busy: {self.running}. esc stops it.", "warning")
        return bool(self.running)

    async def _choose_many(
        self, verb: Verb, ids: Sequence[str], chosen_by: str, done: Callable[[Outcome], None]
    ) -> None:
        self._begin(looking := f"Looking at {ask.messages(len(ids))}")
        try:
            await self._choose(verb, ids, chosen_by, done)
        finally:
            if self.running.startswith(looking):
                self._end()

    async def _choose(
        self, verb: Verb, ids: Sequence[str], chosen_by: str, done: Callable[[Outcome], None]
    ) -> None:
        states = await asyncio.to_thread(self.fleet.index.states_of, ids)
        if why := self.fleet.why_not(verb, states.values(), ids):
            self.app.tell(f"{verb.label}: {why}.", "warning")
            return
        selection = await asyncio.to_thread(self.fleet.index.select, ids, int(time.time()), chosen_by)
        if not len(selection):
            self.app.tell("Those messages are gone: delivered, returned or deleted meanwhile.", "warning")
            return
        if not ask.asks(verb, len(selection)):
            self._start(verb, selection, done)
            return
        radius = await asyncio.to_thread(self.fleet.index.blast_radius, selection)
        if self.running and self._cancel.is_set():
            self.app.tell("Nothing was done.")
            return
        lines = ask.question(verb, selection, radius, kept_days=self.fleet.keep_days)
        if unable := self._unable(verb, dict(radius.servers)):
            lines.append(unable)
        if silent := self._answering(name for name, _ in radius.servers)[1]:
            lines.append(f"No answer now from {', '.join(map(clean, silent))}: nothing may be done there.")

        def answered(yes: bool | None) -> None:
            if yes:
                self._start(verb, selection, done)
            else:
                self.app.tell("Nothing was done.")

        self.app.push_screen(
            ConfirmDialog(
                ask.title(verb, len(selection)),
                lines,
                act=verb.label,
                typed=ask.to_type(verb, len(selection)),
            ),
            answered,
        )

    async def settle(self) -> None:
        """Tell of verbs that were interrupted, or that nobody waited for."""
        try:
            outcomes = await self.fleet.settle()
        except HostError as error:
            self.app.tell(str(error), "warning")
            return
        for outcome in outcomes:
            self.last = outcome
            when = time.strftime("%a %H:%M", time.localtime(outcome.at))
            what = f"{VERBS[outcome.verb].label} of {ask.messages(len(outcome.receipts))}, {when}"
            told = " ".join(outcome.notes[-1:]) or f"{story(outcome)[0]}."
            self.app.tell(f"{what}: {told} o shows the receipts.", "warning")

    def cancel(self) -> bool:
        """Stop what is running before its next message, and say so; False where nothing runs."""
        if self.running and not self._stoppable:
            self.app.tell("That cannot be stopped half way.", "warning")
        elif self.running and not self._cancel.is_set():
            self._cancel.set()
            self.running += ", stopping"
            self.app.progress([(f" {self.running} before the next message …", "accent")])
        return bool(self.running)

    async def undo(self) -> None:
        """Take back the last delete, hold or release, on whatever servers it was done, after asking."""
        if self._busy():
            return
        if why := self.fleet.why_not(VERBS["restore"]):
            self.app.tell(f"Undo: {why}.", "warning")
            return
        try:
            deed = await self.fleet.last_undoable()
        except HostError as error:
            self.app.tell(str(error), "error")
            return
        if deed is None:
            self.app.tell("There is nothing to take back.")
        else:
            self.take_back(deed)

    def take_back(self, deed: Deed) -> None:
        """Take back what was done, after asking."""
        if self._busy():
            return
        if deed.verb not in _UNDOES or not deed.did:
            self.app.tell(f"{VERBS[deed.verb].label} cannot be taken back, or changed nothing.")
            return
        verb = VERBS[deed.verb]
        when = time.strftime("%a %H:%M:%S", time.localtime(deed.at))
        lines = [
            f"{verb.label} of {ask.messages(len(deed.did))}, {when}, by {clean(deed.who)}",
            f"  {clean(deed.chosen_by)}",
            _comes_back(deed),
        ]
        if len(deed.entries) > 1:
            lines.append(f"On {', '.join(map(clean, deed.entries))}.")
        if deed.silent:
            lines.append(f"Not asked, for they do not answer: {', '.join(map(clean, deed.silent))}.")

        def answered(yes: bool | None) -> None:
            if yes:
                self._run_as_work(
                    "Taking back",
                    lambda: self.fleet.undo(deed, progress=self._progress, cancel=self._cancel),
                )

        self.app.push_screen(ConfirmDialog("Take back", lines, act="Take back"), answered)

    async def flush(self, site: str = "", names: Iterable[str] | None = None) -> None:
        """Ask Postfix to try all deferred mail now, or that for one site; on these servers, or on all."""
        asked, silent = self._answering(names)
        if not asked:
            self.app.tell(f"Nothing was asked of {', '.join(map(clean, silent))}: no answer.", "warning")
            return
        try:
            failed = await self.fleet.flush(site, asked)
        except HostError as error:
            self.app.tell(str(error), "error")
            return
        told = [f"{name}: {error}" for name, error in failed.items()] + [f"{n}: no answer" for n in silent]
        what = f"what waits for {clean(site)}" if site else "every deferred message"
        if told:
            self.app.tell(f"Not everywhere was Postfix asked to try {what} now: {'; '.join(told)}", "warning")
        else:
            self.app.tell(f"Postfix was asked to try {what} now{self._where(asked)}.")

    async def empty_trash(self, names: Iterable[str] | None = None) -> None:
        """Remove what is in the trash of these servers, or of all, for good; asks with a typed count."""
        if self._busy():
            return
        asked, silent = self._answering(names)
        if not asked:
            self.app.tell(f"Nothing was asked of {', '.join(map(clean, silent))}: no answer.", "warning")
            return
        found = await self.fleet.trash(names=asked)
        there = {name: one for name, one in found.items() if not isinstance(one, HostError)}
        if errors := [str(one) for one in found.values() if isinstance(one, HostError)]:
            self.app.tell(errors[0], "error")
            if not there:
                return
        number = sum(one.number for one in there.values())
        octets = sum(one.bytes for one in there.values())
        if not number:
            self.app.tell(f"The trash is empty{self._where(list(there))}.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.work(self._empty_trash([name for name, one in there.items() if one.number]))

        lines = [
            f"{ask.messages(number)}, {size(octets)}, are removed for good.",
            "They cannot be restored after that.",
        ]
        if self.fleet.many:
            each = (f"{clean(name)} {count(one.number)}" for name, one in there.items() if one.number)
            lines.append(f"On {', '.join(each)}.")
        if silent:
            lines.append(f"Not asked, for they do not answer: {', '.join(map(clean, silent))}.")
        self.app.push_screen(
            ConfirmDialog("Empty the trash", lines, act="Empty", typed=str(number)), answered
        )

    async def _empty_trash(self, names: Sequence[str]) -> None:
        self._begin("Emptying the trash", stoppable=False)
        try:
            told = await self.fleet.empty_trash(names)
        finally:
            self._end()
        number = sum(one[0] for one in told.values() if not isinstance(one, HostError))
        errors = [str(one) for one in told.values() if isinstance(one, HostError)]
        if errors:
            self.app.tell(errors[0], "error")
        else:
            self.app.tell(f"{ask.messages(number)} removed from the trash for good.")

    # --- where -----------------------------------------------------------------------------------------

    def _answering(self, names: Iterable[str] | None) -> tuple[list[str], list[str]]:
        """Of these servers, or all: who answers now, and who does not. A lone one says so itself."""
        names = list(self.fleet.names if names is None else names)
        silent = [name for name in names if self.fleet.many and not self.fleet.condition(name).answers]
        return [name for name in names if name not in silent], silent

    def _unable(self, verb: Verb, numbers: Mapping[str, int]) -> str:
        """Where nothing can be done of what is asked, and why; "" where that is nowhere."""
        whys = {name: why for name in numbers if (why := self.fleet.server(name).why_not(verb))}
        there = ", ".join(f"{clean(name)} ({count(numbers[name])})" for name in whys)
        return f"Nothing can be done on {there}: {next(iter(whys.values()))}." if whys else ""

    def _where(self, names: Sequence[str]) -> str:
        """On which servers, said behind what was done there; "" of a lone one."""
        if not self.fleet.many:
            return ""
        return f" on {clean(names[0])}" if len(names) == 1 else f" on {len(names)} servers"

    # --- doing it --------------------------------------------------------------------------------------

    def _start(self, verb: Verb, selection: Selection, done: Callable[[Outcome], None]) -> None:
        self._run_as_work(
            f"{verb.label} {ask.messages(len(selection))}",
            lambda: self.fleet.act(verb, selection, progress=self._progress, cancel=self._cancel),
            done,
        )

    def _run_as_work(
        self,
        what: str,
        do: Callable[[], Awaitable[Outcome]],
        done: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._begin(what)

        async def job() -> None:
            try:
                outcome = await do()
            except HostError as error:
                self.app.tell(str(error), "error")
                return
            finally:
                self._end()
                self.fleet.rescan()
            self.last = outcome
            done(outcome)
            text, severity = story(outcome)
            self.app.tell(text, severity)

        self.app.work(job())

    def _begin(self, what: str, *, stoppable: bool = True) -> None:
        self._cancel.clear()
        self._stoppable = stoppable
        self.running = what
        self.app.progress([(f" {what} …", "accent")])

    def _end(self) -> None:
        self.running = ""
        self.app.progress([])

    def _progress(self, done: int, total: int, what: str) -> None:
        if self._cancel.is_set():
            return  # that it is being stopped is what counts now
        pieces: list[Piece] = [
            (f" {clean(what) or self.running}", "accent"),
            (f"  {count(done)} of {count(total)}", ""),
            ("   esc stops it", "dim"),
        ]
        self.app.progress(pieces)


_UNDOES = {
    "delete": "From the trash back on hold, under the same queue IDs.",
    "hold": "Those that are still on hold are released.",
    "release": "Those that are still deferred are put on hold again.",
}


def _comes_back(deed: Deed) -> str:
    """What taking something back will do."""
    if deed.verb == "delete":
        from_corrupt = deed.states().get(State.CORRUPT, 0)
        if from_corrupt:
            return f"{_UNDOES['delete']} {count(from_corrupt)} of them into corrupt, where they were."
    return _UNDOES[deed.verb]


def story(outcome: Outcome) -> tuple[str, str]:
    """An outcome in one line, and how serious it is."""
    tally = outcome.tally()
    number = len(outcome.receipts)
    if number == 1:
        receipt = outcome.receipts[0]
        text = f"{receipt.id}: {clean(receipt.text) or ask.did(outcome)}"
    else:
        text = f"{count(tally[Result.DONE])} {ask.did(outcome)}"
        for result, word in ask.ENDINGS.items():
            if tally[result]:
                text += f" · {count(tally[result])} {word}"
    if outcome.cancelled:
        text += " · stopped half way"
    if tally[Result.DONE] and outcome.verb in _UNDOES:
        text += " · z undoes it"
    if not outcome.ok and number > 1:
        text += " · o: receipts"
    return text, "information" if outcome.ok else "warning"
