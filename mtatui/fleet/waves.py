"""Applies plans to several servers: a canary first, then in waves, each as long as all before it are well.

The rules. Nothing is begun before every plan is known and agreed to (`mtatui.fleet.prepared`). The servers of
a wave are worked on side by side; the next wave begins when every server of this one is as it was wanted. If
one is not (it fails its probe, was changed meanwhile, does not answer), or the person stops it, no further
wave begins, and

- ``all``: those of its wave that are still at work stop and go back, and every server that has the new
  settings by then, in whatever wave, is taken back to its old ones;
- ``failed``: those at work come to their end, and only those that failed go back, which they do by
  themselves.

What one server does is one apply (`mtatui.backends.applying`) with its own guard and its own history entry:
a server whose link is cut goes back by itself, and is asked what came of it as soon as it answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from mtatui.backends.applying import AGAIN, FINDING_OUT, Ending, Step, Unanswered
from mtatui.backends.history import Entry
from mtatui.backends.host import HostError, NotPermitted, ReadOnly
from mtatui.fleet.prepared import RECENT, Prepared
from mtatui.fleet.shares import UNTOUCHED, WELL, Became, RollBack, Share, became
from mtatui.fleet.together import make_room
from mtatui.settings.kinds import Refused

#: Hears of a share whenever something of it is different; the step, where it is that.
Told = Callable[[Share, Step | None], None]


class Rollout:
    """One change on its way over several servers. To be run once."""

    def __init__(
        self,
        prepared: Iterable[Prepared],
        waves: Sequence[Sequence[Prepared]],
        *,
        roll_back: RollBack = RollBack.ALL,
        confirm_within: float | None = None,
    ) -> None:
        """Nothing is begun.

        Args:
            prepared: all servers, also those where there is nothing to do.
            waves: as `mtatui.fleet.prepared.waves` makes them.
            confirm_within: seconds after which each is taken back unless it is confirmed there.
        """
        number = {one: wave for wave, ones in enumerate(waves, 1) for one in ones}
        self.shares = tuple(Share(one, number.get(one, 0)) for one in prepared)
        for share in self.shares:
            if not share.wave:
                share.became, share.text = Became.UNCHANGED, "Nothing to do: it is so already."
        self.waves = len(waves)
        self.roll_back = roll_back
        self.stopped = ""
        """Why it did not go on to its end, in words; "" where it did."""
        self.over = False
        self._confirm_within = confirm_within
        self._cancel = asyncio.Event()
        self._told: Told = lambda share, step: None

    @property
    def exit_code(self) -> int:
        """The exit status of the command line: 0 all are as wanted, 5 something went back, 3 and 4 nothing
        was touched (refused; out of reach), 1 some are as wanted and the others untouched."""
        if all(share.well for share in self.shares):
            return 0
        found = {share.became for share in self.shares}
        if found - UNTOUCHED - WELL:
            return 5
        if found & (WELL - {Became.UNCHANGED}):
            return 1
        return 4 if Became.UNREACHED in found and not found & {Became.REFUSED, Became.CHANGED} else 3

    def stop(self) -> None:
        """Begin nothing any more; what is at work goes back."""
        self._cancel.set()

    async def run(
        self,
        told: Told = lambda share, step: None,
        cancel: asyncio.Event | None = None,
    ) -> None:
        """Apply, wave by wave. Cancelled, by the event or as a task, it stops and keeps its rules.

        Args:
            told: hears of every share and step, in this event loop.
        """
        self._told = told
        if len(self.shares) > 1:
            make_room(len(self.shares))
        waiting = asyncio.ensure_future(cancel.wait()) if cancel is not None else None
        if waiting is not None:
            waiting.add_done_callback(lambda done: None if done.cancelled() else self.stop())
        work = asyncio.ensure_future(self._run())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            self.stop()
            await asyncio.wait({work})
            raise
        finally:
            if waiting is not None:
                waiting.cancel()

    async def _run(self) -> None:
        for number in range(1, self.waves + 1):
            if self._cancel.is_set():
                break
            if expired := [one.name for one in self.awaiting if time.monotonic() > one.deadline]:
                self.stopped = (
                    f"The time to confirm ran out on {expired[0]} before all servers had the new settings: "
                    "give it more, or let a wave be larger."
                )
                break
            wave = [share for share in self.shares if share.wave == number]
            await self._side_by_side(wave, self._apply)
            if unwell := [share for share in wave if not share.well]:
                self.stopped = self.stopped or _why(unwell[0])
                break
        if self._cancel.is_set():
            self.stopped = self.stopped or "It was stopped."
        if self.stopped:
            for share in self.shares:
                if share.became is Became.WAITS:
                    self._end(share, Became.NOT_BEGUN, "Its turn did not come: nothing was touched.")
            if self.roll_back is RollBack.ALL:
                await self._side_by_side(
                    [share for share in self.shares if share.well and share.wave], self._take_back
                )
        self.over = True

    @staticmethod
    async def _side_by_side(shares: Iterable[Share], do: Callable[[Share], Awaitable[None]]) -> None:
        await asyncio.gather(*map(do, shares))

    # --- forth -----------------------------------------------------------------------------------------

    async def _apply(self, share: Share) -> None:
        prepared = share.prepared
        assert prepared.plan is not None
        share.deadline = time.monotonic() + (self._confirm_within or 0.0)
        self._end(share, Became.WORKING, "")
        try:
            applied = await prepared.server.configuration.apply(
                prepared.plan,
                confirm_within=self._confirm_within,
                progress=lambda step: self._took(share, step),
                cancel=self._cancel,
            )
        except (ReadOnly, NotPermitted) as error:
            self._end(share, Became.UNREACHED, f"{error} Nothing was touched.")
        except Unanswered as error:
            self._end(share, Became.UNKNOWN, str(error))
        except HostError as error:
            await self._find_out(share, error)
        else:
            share.applied, share.until = applied, applied.until
            share.entry_id = applied.entry_id
            self._end(share, became(applied.outcome), applied.text)
        if not share.well and not self.stopped:
            self.stopped = _why(share)
            if self.roll_back is RollBack.ALL:
                self.stop()  # those at work beside it would be taken back anyway

    async def _find_out(self, share: Share, error: HostError) -> None:
        """What came of it, now that whoever did it over there says no more: its history knows."""
        plan = share.prepared.plan
        lines = plan.diff() if plan is not None else []

        def ours(entry: Entry) -> bool:
            return not entry.undoes and list(entry.diff) == lines

        self._say(share, "It was cut off; asking what came of it …")
        entry, answered = await self._in_history(share, share.prepared.known, ours)
        if entry is not None and entry.outcome is not None:
            share.entry_id, share.until = entry.id, entry.until
            self._end(
                share, became(entry.outcome), f"{error} Its history says: {entry.text or entry.outcome}"
            )
        elif entry is None and answered:
            self._end(
                share, Became.UNREACHED, f"{error} Its history knows of no change: nothing was touched."
            )
        else:
            self._end(
                share,
                Became.UNKNOWN,
                f"{error} Nobody knows yet how it ended. What was begun there goes back by itself, within a "
                "minute; what had been finished stays. Look at its history as soon as it answers.",
            )

    async def _in_history(
        self, share: Share, known: Iterable[str], ours: Callable[[Entry], bool]
    ) -> tuple[Entry | None, bool]:
        """The new entry in its history that is ours, finished if it comes to that in time; whether the server
        has answered at all."""
        configuration = share.prepared.server.configuration
        deadline = time.monotonic() + FINDING_OUT
        found, answered = None, False
        while True:
            try:
                await configuration.settle()
                entries = await configuration.history(RECENT)
            except HostError:
                pass
            else:
                answered = True
                found = next((entry for entry in entries if entry.id not in known and ours(entry)), None)
                if found is None or found.outcome is not None:
                    return found, True
            if time.monotonic() > deadline:
                return found, answered
            await asyncio.sleep(AGAIN)

    # --- and back --------------------------------------------------------------------------------------

    async def _take_back(self, share: Share) -> None:
        """Give a server its old settings again: the very bytes, unless somebody has changed them since."""
        configuration = share.prepared.server.configuration
        waits = share.became is Became.AWAITING
        before = share.became
        self._end(share, Became.WORKING, "Taking it back …")
        known = {*share.prepared.known, share.entry_id}
        try:
            if waits:
                back = await configuration.roll_back(
                    share.entry_id, progress=lambda step: self._took(share, step)
                )
                well = back.outcome is Ending.ROLLED_BACK
            else:
                plan = await configuration.undo_plan(await configuration.entry(share.entry_id))
                back = await configuration.apply(plan, progress=lambda step: self._took(share, step))
                well = back.ok
        except Refused as error:
            self._stands(share, f"it cannot be taken back: {error}")
        except HostError as error:
            await self._find_out_back(share, error, known, before)
        else:
            share.back = back
            if well:
                self._taken_back(share)
            else:
                self._stands(share, back.text)

    async def _find_out_back(
        self, share: Share, error: HostError, known: Iterable[str], before: Became
    ) -> None:
        if before is Became.AWAITING:
            await self._as_its_history_says(share, error)
            return
        entry, _ = await self._in_history(share, known, lambda entry: entry.undoes == share.entry_id)
        if entry is not None and entry.outcome is Ending.APPLIED:
            self._taken_back(share)
        else:
            self._stands(share, str(error))

    async def _as_its_history_says(self, share: Share, error: HostError) -> None:
        """What became of one that waited to be confirmed, and whose answer is an error."""
        entry, _ = await self._in_history(share, (), lambda entry: entry.id == share.entry_id)
        if entry is not None and entry.outcome is Ending.ROLLED_BACK:
            self._taken_back(share)
        elif entry is not None and entry.outcome is Ending.APPLIED:
            share.until = None
            self._end(share, Became.APPLIED, f"{error} Its history says that it stays.")
        else:
            self._end(
                share,
                Became.UNKNOWN,
                f"{error} It goes back by itself when its time to be confirmed is over. "
                "Look at its history as soon as it answers.",
            )

    def _taken_back(self, share: Share) -> None:
        share.until = None
        self._end(share, Became.TAKEN_BACK, "It was well; it has its old settings again.")

    def _stands(self, share: Share, why: str) -> None:
        """It has the new settings, or nobody knows: a person has to look."""
        self._end(
            share,
            Became.BROKEN,
            f"It was to be taken back and was not, so it may have the new settings: {why} "
            f"To try once more: mtatui --server {share.name} history undo {share.entry_id}",
        )

    # --- what waits to be confirmed --------------------------------------------------------------------

    @property
    def awaiting(self) -> tuple[Share, ...]:
        """The servers that go back unless they are confirmed."""
        return tuple(share for share in self.shares if share.became is Became.AWAITING)

    async def confirm(self) -> None:
        """Keep it on all servers where it waits to be confirmed; where that fails it is said."""

        async def keep(share: Share) -> None:
            try:
                await share.prepared.server.configuration.confirm(share.entry_id)
            except HostError as error:
                await self._as_its_history_says(share, error)
            else:
                share.until = None
                self._end(share, Became.APPLIED, "Confirmed: it stays.")

        await self._side_by_side(self.awaiting, keep)

    async def take_back(self) -> None:
        """Take it back, now, on all servers where it waits to be confirmed."""
        await self._side_by_side(self.awaiting, self._take_back)

    # --- telling ---------------------------------------------------------------------------------------

    def _took(self, share: Share, step: Step) -> None:
        share.steps.append(step)
        self._told(share, step)

    def _say(self, share: Share, text: str) -> None:
        share.text = text
        self._told(share, None)

    def _end(self, share: Share, ended: Became, text: str) -> None:
        share.became, share.text = ended, text
        self._told(share, None)


def _why(share: Share) -> str:
    return f"{share.name} is not well ({share.became}): {share.text}"
