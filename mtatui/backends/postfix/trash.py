"""The trash: what was deleted lies in the queue's own file system and can come back, under its own queue ID.

A hard link costs no space while the message is in the queue, and nothing to make; what is in the trash keeps
its disk space until it is purged or emptied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from mtatui.backends.child import LONG, Hands, Request, found, to_its_end
from mtatui.backends.host import Host, HostError, NotPermitted, ReadOnly
from mtatui.backends.journal import Journal
from mtatui.backends.postfix.run import Run
from mtatui.queue.message import Message, State

_RESTORED = {
    State.CORRUPT: "restored, back in the corrupt directory it came from",
    State.MAILDROP: "restored, back in maildrop",
}
_NOT_THERE = "not in the trash any more"


class Contents(NamedTuple):
    """What is in the trash: how many messages, their bytes on disk, and the last deleted of them (their mtime
    is the time of the deletion)."""

    number: int
    bytes: int
    messages: list[Message]


class Trash:
    """The trash of one server. Messages are restored by the verb (`Actor.act` with ``RESTORE``)."""

    def __init__(self, host: Host, hands: Hands, journal: Journal) -> None:
        self._host = host
        self._hands = hands
        self._journal = journal

    async def contents(self, limit: int = 1000) -> Contents:
        """What is in it, the last deleted first, so many of them at most.

        Raises:
            NotPermitted: only root may look.
        """
        self._may(changes=False)
        return Contents(*await to_its_end(self._hands.trash, limit))

    async def purge(self, max_age: float, max_bytes: int) -> tuple[int, int]:
        """Remove for good what has been in it for longer (seconds), then the oldest until it has not more
        bytes than these: how many messages went, and their bytes."""
        self._may()
        purge = ("purge", max_age, max_bytes)
        async with self._journal.working("purge the trash", purge, patience=LONG) as turn:
            number, size = _answered(turn.answers)
            return number, size

    async def empty(self) -> tuple[int, int]:
        """Remove for good all that is in it: how many messages, and their bytes."""
        return await self.purge(0, 0)

    async def remove(self, ids: Sequence[str]) -> int:
        """Remove these messages for good; how many there were."""
        self._may()
        destroy = ("destroy", [[id] for id in ids])
        async with self._journal.working("empty the trash", destroy, patience=LONG) as turn:
            return sum(answer == [] for answer in _answered(turn.answers))

    def _may(self, *, changes: bool = True) -> None:
        if changes and self._host.read_only:
            raise ReadOnly(f"{self._host.name} is open read-only.")
        if not self._host.superuser:
            raise NotPermitted(
                f"The trash of {self._host.name} is root's. Run mtatui as root, or let it use sudo."
            )


def _answered(answers: list[Any]) -> Any:
    """What was answered to the one thing that was asked; raises what it was refused with."""
    [answer] = answers
    if isinstance(answer, HostError):
        raise answer
    return answer


def restoring(run: Run, batch: Iterable[tuple[str, State]]) -> list[Request]:
    """What to ask the hands so that these messages of the trash come back to the queue: who they are, and
    those that are whom they are meant to be."""
    who = [run.targets[id].identity for id, _ in batch]
    looked_for = [(one.id, State.TRASH) for one in who]
    return [("identify", looked_for), ("restore", [[o.id, o.arrival, o.size, o.sender] for o in who])]


async def restore(
    run: Run,
    hands: Hands,
    near: list[tuple[str, State]],
    answers: list[Any],
    others: Iterable[list[tuple[str, State]]],
) -> list[str]:
    """Bring messages back; those whose names do not fit their inodes (copies from a backup).

    Args:
        near, answers: the first batch, and what the hands have already done of it.
        others: those that come then.
    """
    misfits: list[str] = []
    await to_its_end(_receipts, run, hands, near, answers, misfits)
    for batch in others:
        run.tick()
        run.fed.update((id, id) for id, _ in batch)  # should there be no answer, nobody knows
        answers = await to_its_end(hands.in_turn, *restoring(run, batch))
        run.fed.clear()
        await to_its_end(_receipts, run, hands, batch, answers, misfits)
    return misfits


def _receipts(
    run: Run, hands: Hands, batch: list[tuple[str, State]], answers: list[Any], misfits: list[str]
) -> None:
    if refused := next((answer for answer in answers if isinstance(answer, HostError)), None):
        raise refused
    by_sight = []  # who is whom was meant by what was shown of the sender, which the hands do not know
    copies = found([(id, State.TRASH) for id, _ in batch], answers[0])
    for (id, _), copy, answer in zip(batch, copies, answers[1], strict=True):
        if copy is None:
            run.gone(id, _NOT_THERE)
        elif run.same(id, copy):
            if answer == []:
                by_sight.append(id)
            else:
                _restored(run, id, answer, misfits)
    run.fed.update((id, id) for id in by_sight)
    for id, answer in zip(by_sight, hands.each("restore", by_sight), strict=True):
        _restored(run, id, answer, misfits)


def _restored(run: Run, id: str, answer: list[Any] | str | None, misfits: list[str]) -> None:
    if answer is None:
        run.gone(id, _NOT_THERE)
    elif isinstance(answer, str):
        run.failed(id, f"not restored: {answer}")
    else:
        state, fits = answer
        run.done(id, _RESTORED.get(State(state), run.verb.done))
        if not fits and state == State.HOLD:
            misfits.append(id)
