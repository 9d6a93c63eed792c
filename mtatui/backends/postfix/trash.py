"""The trash: what was deleted lies in the queue's own file system and can come back, under its own queue ID.

A hard link costs no space while the message is in the queue, and nothing to make; what is in the trash keeps
its disk space until it is purged or emptied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mtatui.backends.child import Found, Hands, to_its_end
from mtatui.backends.host import Host, NotPermitted, ReadOnly
from mtatui.backends.journal import Journal
from mtatui.backends.postfix.run import Run
from mtatui.queue.message import Message, State

_RESTORED = {
    State.CORRUPT: "restored, back in the corrupt directory it came from",
    State.MAILDROP: "restored, back in maildrop",
}


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
        async with self._journal.working("purge the trash"):
            return await to_its_end(self._hands.purge, max_age, max_bytes)

    async def empty(self) -> tuple[int, int]:
        """Remove for good all that is in it: how many messages, and their bytes."""
        return await self.purge(0, 0)

    async def remove(self, ids: Sequence[str]) -> int:
        """Remove these messages for good; how many there were."""
        self._may()
        async with self._journal.working("empty the trash"):
            answers = await to_its_end(self._hands.each, "destroy", ids)
        return sum(answer == [] for answer in answers)

    def _may(self, *, changes: bool = True) -> None:
        if changes and self._host.read_only:
            raise ReadOnly(f"{self._host.name} is open read-only.")
        if not self._host.superuser:
            raise NotPermitted(
                f"The trash of {self._host.name} is root's. Run mtatui as root, or let it use sudo."
            )


def in_trash(batch: Iterable[tuple[str, State]]) -> list[tuple[str, State]]:
    """Messages as they are looked for in the trash, wherever they were when they were chosen."""
    return [(id, State.TRASH) for id, _ in batch]


def restore(
    run: Run,
    hands: Hands,
    batch: list[tuple[str, State]],
    misfits: list[str],
    copies: list[Found | str | None] | None,
) -> None:
    """Put messages of the trash back into the queue; it blocks.

    Args:
        batch: IDs, and the states in which they were chosen (they are looked for in the trash only).
        misfits: those whose names do not fit their inodes are added to it (copies from a backup).
        copies: what is in the trash of them, where that has been asked already.
    """
    ids = []
    copies = hands.identify(in_trash(batch)) if copies is None else copies
    for (id, _), copy in zip(batch, copies, strict=True):
        if copy is None:
            run.gone(id, "not in the trash any more")
        elif run.same(id, copy):
            ids.append(id)
    for id, answer in zip(ids, hands.each("restore", ids), strict=True):
        if answer is None:
            run.gone(id, "not in the trash any more")
        elif isinstance(answer, str):
            run.failed(id, f"not restored: {answer}")
        else:
            state, fits = answer
            run.done(id, _RESTORED.get(State(state), run.verb.done))
            if not fits and state == State.HOLD:
                misfits.append(id)
