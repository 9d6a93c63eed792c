"""A selection: the messages a verb is aimed at, frozen; and the receipts that say what became of each.

A selection is made when the verb is chosen and does not follow the queue afterwards. What has changed or is
gone when the verb acts is left out, and a receipt says so: one per message, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mtatui.queue.message import Identity, State


@dataclass(frozen=True, slots=True)
class Target:
    """One frozen message: who it is and where it was when it was chosen."""

    identity: Identity
    state: State


@dataclass(frozen=True, slots=True)
class Selection:
    """Frozen targets, how they were chosen in the user's words, and when (epoch seconds)."""

    targets: tuple[Target, ...]
    chosen_by: str
    at: float

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a verb over a selection would touch. ``domains`` and ``senders`` hold the few largest, ``servers``
    all that have a name."""

    messages: int
    recipients: int
    domains: tuple[tuple[str, int], ...]
    domain_count: int
    senders: tuple[tuple[str, int], ...]
    sender_count: int
    bytes: int
    oldest: int
    partly_served: int
    servers: tuple[tuple[str, int], ...] = ()


class Result(StrEnum):
    """What became of one target."""

    DONE = "done"
    GONE = "gone"
    CHANGED = "changed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message, in one line for the person."""

    id: str
    result: Result
    text: str = ""
    became: str = ""
    """The queue ID it has now, where the verb gave it another one; the text ends in it."""

    @property
    def gist(self) -> str:
        """The text without what is this one message's own: many share it."""
        return self.text.removesuffix(f": {self.became}") if self.became else self.text


@dataclass(slots=True)
class Outcome:
    """The whole story of one verb: every receipt, the commands that ran, and how it ended."""

    verb: str
    at: float
    receipts: list[Receipt] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cancelled: bool = False
    cost: float = 0.0
    entry: str = ""
    """The journal entry that tells it, "" where nothing was journaled (nothing was changed)."""
    parts: Mapping[str, Outcome] = field(default_factory=dict)
    """What each of several servers told of its own, in its own queue IDs; nothing of a lone one."""

    def tally(self) -> Counter[Result]:
        """How many of each result."""
        return Counter(receipt.result for receipt in self.receipts)

    @property
    def ok(self) -> bool:
        """Every target was done."""
        return not self.cancelled and all(receipt.result is Result.DONE for receipt in self.receipts)
