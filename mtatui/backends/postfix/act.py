"""The verbs: everything that changes a queue, so that nothing is lost and every message has its receipt.

What is chosen is frozen; what is acted on is read again just before, batch by batch, while the one
``postsuper`` is already at work on the batch before. Its lines are the proof, not its exit code; a message it
said nothing about is looked for. Deleted messages are linked into the trash first. What is about to happen is
in the journal before it happens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import replace
from typing import Any

from mtatui.backends.child import LONG, PATIENCE, Found, Hands, Request, found, one_ahead, to_its_end
from mtatui.backends.host import Host, HostError, Missing, NotPermitted, ReadOnly
from mtatui.backends.journal import UNDO, Entry, Journal, not_begun
from mtatui.backends.postfix import aside, corrupt
from mtatui.backends.postfix.ahead import Ahead
from mtatui.backends.postfix.deliver import deliver
from mtatui.backends.postfix.finding import find_out
from mtatui.backends.postfix.run import (
    Progress,
    Run,
    reconcile,
    settled,
    silent,
    why_it_ended,
)
from mtatui.backends.postfix.tools import Tools
from mtatui.backends.postfix.trash import Trash, restore, restoring
from mtatui.queue.message import State
from mtatui.queue.selection import Outcome, Selection
from mtatui.verbs import BOUNCE, DELETE, DELIVER, REQUEUE, RESTORE, VERBS, Verb

#: How many messages postsuper may be behind with before more are looked at: what a cancel still lets through.
WINDOW = 1000
#: So many are looked at in one go where each look takes a long way, and so many it may be behind with.
FAR = 5000
#: Seconds without a word from postsuper after which it is given more all the same (it skips what is gone).
SILENCE = 0.05
#: The first Postfix that can bounce (``postsuper -f``).
BOUNCE_SINCE = (3, 5)

_FOR_GOOD = {
    "requeue": "the messages have new queue IDs and go their way",
    "bounce": "Postfix returns them to their senders",
    "restore": "delete them again",
}


class Actor:
    """What runs the verbs on one server's queue."""

    def __init__(
        self,
        host: Host,
        tools: Tools,
        queue_directory: str,
        hash_queue_names: str,
        hash_queue_depth: int,
        release: tuple[int, ...] = (),
        *,
        far: bool = False,
    ) -> None:
        """Nothing is started yet.

        Args:
            queue_directory, hash_queue_names, hash_queue_depth: main.cf's parameters, expanded.
            release: Postfix's, where it is known; else it is asked for when it matters.
            far: each question takes its time.
        """
        self.host = host
        self._at_once = FAR if far else 0
        self._release = release
        self.tools = tools
        self.hands = Hands(host, queue_directory, hash_queue_names, hash_queue_depth)
        self.journal = Journal(self.hands)
        self.trash = Trash(host, self.hands, self.journal)

    def close(self) -> None:
        """Let go of the helper on the server."""
        self.hands.close()

    # -- acting ----------------------------------------------------------------------------------------------

    async def act(
        self,
        verb: Verb,
        selection: Selection,
        *,
        progress: Progress = silent,
        cancel: asyncio.Event | None = None,
        undoes: str = "",
        entry: str = "",
        purge: tuple[float, int] | None = None,
    ) -> Outcome:
        """Do a verb to a frozen selection.

        Args:
            progress: told how far it is, at most some ten times a second.
            cancel: once set, no more messages are begun; the outcome says which were.
            undoes: the journal entry that this takes back.
            entry: what the journal is to call this, "" for a name of its own.
            purge: how old what is in the trash may be and how many bytes it may have, before anything is done
                (`Trash.purge`).

        Returns:
            A receipt for every target, in their order.

        Raises:
            ReadOnly, NotPermitted, HostError: nothing was done, and why.
        """
        if self.host.read_only:
            raise ReadOnly(f"{self.host.name} is open read-only: {verb.label} would change it.")
        if verb.needs_root and not self.host.superuser:
            raise NotPermitted(
                f"{verb.label} needs root on {self.host.name}. Run mtatui as root, or let it use sudo."
            )
        if verb is BOUNCE and (release := self._release or await self.tools.version()) < BOUNCE_SINCE:
            raise HostError(
                f"Bounce needs Postfix 3.5 or newer; {self.host.name} has {'.'.join(map(str, release))}."
            )
        run = Run(verb, selection, progress, cancel or asyncio.Event(), self._at_once)
        if verb is DELIVER:
            await deliver(run, self.host, self.hands, self.tools)
            return run.finish()
        # Over a long line each question takes its time: those before postsuper are asked in one breath, and
        # so are those behind it.
        run.outcome.entry, intent = self.journal.intent(verb.id, selection, undoes, entry)
        first: list[Request] = [] if purge is None else [("purge", *purge)]
        first.append(intent)
        batches = run.batches()
        near = next(batches, [])
        if verb is RESTORE:
            first += restoring(run, near)
        elif near:
            first.append(("keep" if verb is DELETE else "identify", near))
        ahead = Ahead(run, near, self.journal)
        first += ahead.requests
        patience = PATIENCE if purge is None and not run.at_once else LONG
        asked = True
        try:
            async with self.journal.working(verb.id, *first, patience=patience) as turn:
                asked = False
                if purge is not None and isinstance(refused := turn.answers.pop(0), HostError):
                    raise refused
                if isinstance(refused := turn.answers.pop(0), HostError):
                    raise not_begun(refused) from refused
                # Whoever is stopped in here (a cancelled task, a dying program, a server that goes away)
                # leaves the intent in the journal without an outcome: `settle` finds out what came of it.
                error: HostError | None = None
                try:
                    if verb is RESTORE:
                        if misfits := await restore(run, self.hands, near, turn.answers, batches):
                            await self._fit(run, misfits)
                    else:
                        ahead.heard(turn.answers[1:])
                        await self._postsuper(run, near, turn.answers[:1], batches, ahead)
                except HostError as stopped:
                    error = stopped
                    run.outcome.notes.append(str(error))
                if verb is REQUEUE and run.did:
                    run.outcome.notes.append("Requeued messages come back under new queue IDs.")
                unknown = run.not_known(str(error))
                outcome = run.finish(str(error or ""))
                if not unknown:
                    turn.last.append(self.journal.told(outcome, run.did))
        except HostError as unheard:
            begun = asked and self.hands.in_doubt and (verb is RESTORE or ahead.requests)
            if asked and verb is DELETE:  # who knows how far the hands came with their links
                with contextlib.suppress(HostError):
                    await to_its_end(self.hands.each, "drop", [id for id, _ in near])
            if not begun:
                raise
            run.fed.update((id, id) for id, _ in near)
            run.not_known(str(unheard))
            run.outcome.notes.append(str(unheard))
            return run.finish(str(unheard))
        if turn.late is not None:
            outcome.notes.append(f"It was done, but its outcome is not in the journal: {turn.late}")
        if isinstance(error, NotPermitted | Missing | ReadOnly) and not run.did:
            raise error
        return outcome

    async def undo(
        self,
        entry: Entry | None = None,
        *,
        progress: Progress = silent,
        cancel: asyncio.Event | None = None,
        name: str = "",
    ) -> Outcome:
        """Take back what an entry of the journal did (without one: the last that can be), to those that it
        changed and that still are who they were.

        Raises:
            HostError: it cannot be taken back, and why; or as `act`.
        """
        if entry is None:
            entry = await to_its_end(self.journal.last_undoable)
            if entry is None:
                raise HostError("There is nothing to undo.")
        if entry.verb not in UNDO:
            raise HostError(
                f"{entry.verb.capitalize()} cannot be taken back: {_FOR_GOOD.get(entry.verb, '')}"
            )
        if not entry.did:
            raise HostError("It changed nothing, so there is nothing to undo.")
        verb = VERBS[UNDO[entry.verb]]
        targets = tuple(
            replace(t, identity=replace(t.identity, id=entry.names.get(t.identity.id, t.identity.id)))
            for t in entry.selection.targets
            if t.identity.id in entry.did
        )
        selection = Selection(targets, f"undo of {entry.verb} ({entry.selection.chosen_by})", entry.at)
        return await self.act(verb, selection, progress=progress, cancel=cancel, undoes=entry.id, entry=name)

    async def settle(self) -> list[Outcome]:
        """Find out what came of everything that was interrupted, and write it down; nothing is done again.

        A message in the queue that has a link in the trash was about to be deleted, or just restored:
        the link goes, the message stays.
        """
        outcomes = []
        async with self.journal.working("settle"):
            for entry in await to_its_end(self.journal.unfinished, locked=True):
                if entry.verb not in VERBS:
                    continue  # a newer mtatui's
                run = Run(VERBS[entry.verb], entry.selection, silent, asyncio.Event())
                run.outcome.at, run.outcome.entry = entry.at, entry.id
                for batch in run.batches():
                    await to_its_end(reconcile, run, self.hands, batch, entry.names)
                outcome = run.finish()
                outcome.notes.append(f"It was interrupted. Found afterwards: {run.told()}.")
                await to_its_end(self.journal.end, outcome, run.did, interrupted=True)
                outcomes.append(outcome)
        return outcomes

    # -- with postsuper --------------------------------------------------------------------------------------

    async def _postsuper(
        self,
        run: Run,
        near: list[tuple[str, State]],
        looked: list[Any],
        others: Iterable[list[tuple[str, State]]],
        ahead: Ahead,
    ) -> None:
        """Have postsuper do it.

        Args:
            near, looked: the first batch, and what the hands have already answered to it.
            others: those that come then.
            ahead: what they have already done.
        """
        kept = [taken.new for taken in ahead.taken.values() if isinstance(taken.kept, list)]
        doubtful: list[str] = []
        misfits: list[str] = []

        def taken(batch: list[tuple[str, State]], answers: list[Found | str | None]) -> None:
            kept.extend(
                id
                for (id, _), answer in zip(batch, answers, strict=True)
                if isinstance(answer, Found) and answer.state not in aside.MOVING
            )

        def look(batch: list[tuple[str, State]]) -> list[Found | str | None]:
            if batch is near:
                if isinstance(looked[0], HostError):
                    raise looked[0]
                return found(near, looked[0])
            if run.verb is not DELETE:
                return self.hands.identify(batch)
            try:
                answers = self.hands.keep(batch)
            except HostError:
                doubtful.extend(id for id, _ in batch)
                raise
            taken(batch, answers)
            return answers

        if run.verb is DELETE and looked:
            if isinstance(looked[0], HostError):
                doubtful.extend(id for id, _ in near)
            else:
                taken(near, found(near, looked[0]))

        def batches() -> Iterator[list[tuple[str, State]]]:
            if near and run.cancel.is_set() and not ahead.requests:
                run.outcome.cancelled = True
            elif near:  # what was begun along with the look is brought to its end
                yield near
                yield from others

        async def ids() -> AsyncGenerator[bytes, None]:
            async with contextlib.aclosing(one_ahead(look, batches())) as looks:
                async for batch, answers in looks:
                    there = {}
                    for (id, _), answer in zip(batch, answers, strict=True):
                        if (one := run.same(id, answer)) is not None and not settled(run, id, one):
                            there[id] = run.states[id] = one.state
                    if go := await to_its_end(self._prepare, run, there, kept, misfits, ahead):
                        yield _lines(go)
                        await _keep_up(run)

        late = await self._super(run, ids(), kept, doubtful)
        if late:
            go = await to_its_end(aside.take, run, self.hands, self.journal, late, kept, {})
            await self._super(run, _at_once(go), kept, [])
        if misfits:
            await self._fit(run, misfits)

    def _prepare(
        self, run: Run, found: dict[str, State], kept: list[str], misfits: list[str], ahead: Ahead
    ) -> list[str]:
        """Bring messages to where postsuper may have them; under which queue IDs it is to have which."""
        broken = [id for id, state in found.items() if state is State.CORRUPT]
        moving = [id for id, state in found.items() if state in aside.MOVING and run.verb in aside.STOPPING]
        go = [id for id in found if id not in {*broken, *moving}]
        if broken:
            go += corrupt.take(run, self.hands, broken, misfits, ahead.freed)
        if run.verb is BOUNCE:
            self.hands.each("report_all", [id for id in go if id not in ahead.reported])
        run.fed.update((id, id) for id in go)
        if moving:
            go += aside.take(run, self.hands, self.journal, moving, kept, ahead.taken)
        return go

    async def _super(
        self, run: Run, ids: AsyncGenerator[bytes, None], kept: list[str], doubtful: list[str]
    ) -> list[str]:
        """Run one postsuper, and have its receipts; see `find_out`."""
        directories = run.verb.directories
        if run.verb is DELETE and any(t.state is State.MAILDROP for t in run.targets.values()):
            directories += ("maildrop",)
        argv = self.tools.argv("postsuper", f"-{run.verb.postsuper}", "-", *directories)
        number = len(run.targets)
        note = f"{number:,} queue {'ID' if number == 1 else 'IDs'} on standard input"
        run.ended_well = False
        error: HostError | None = None
        try:
            async with contextlib.aclosing(ids):
                if first := await anext(ids, b""):  # where there is nothing left to do it is not started
                    run.outcome.commands.append(f"{' '.join(argv)}   ({note})")
                    done = await self.tools.super(
                        run.verb.postsuper, _from(first, ids), run.hear, directories=directories, note=note
                    )
                    if run.fed and not run.ended_well:
                        error = HostError(why_it_ended(done))
        except HostError as stopped:
            error = stopped
        late = await to_its_end(find_out, run, self.hands, kept, doubtful)
        if error is not None:
            for id in late:
                run.failed(id, "not done: it is being delivered")
            raise error
        return late

    async def _fit(self, run: Run, misfits: list[str]) -> None:
        """Have postsuper rename what does not fit its name (a queue file that is a copy, from a backup)."""
        run.outcome.commands.append(" ".join(self.tools.argv("postsuper", "-s", "hold")))
        done = await self.tools.super_structure("hold")
        run.outcome.notes.append(
            f"{len(misfits)} on hold did not fit their names; postsuper -s: {done.errors}"
        )


async def _at_once(ids: list[str]) -> AsyncGenerator[bytes, None]:
    if ids:
        yield _lines(ids)


async def _from(first: bytes, others: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for one in others:
        yield one


def _lines(ids: Iterable[str]) -> bytes:
    return "".join(f"{id}\n" for id in ids).encode()


async def _keep_up(run: Run) -> None:
    """Wait until postsuper has come close enough, or says nothing."""
    while len(run.fed) - len(run.said) > max(WINDOW, run.at_once) and not run.cancel.is_set():
        run.answered.clear()
        try:
            async with asyncio.timeout(SILENCE):
                await run.answered.wait()
        except TimeoutError:
            return
