"""What becomes of each server when a change goes over several: the receipts of `mtatui.fleet.waves`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.fleet.prepared import Prepared


class RollBack(StrEnum):
    """What goes back when a server is not well."""

    ALL = "all"
    FAILED = "failed"


class Became(StrEnum):
    """How it stands with a server."""

    WAITS = "waiting"
    WORKING = "at work"
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """There was nothing to do."""
    AWAITING = "awaiting"
    """Applied; it goes back unless somebody confirms it."""
    REFUSED = "refused"
    """A check said no: nothing was touched."""
    CHANGED = "changed"
    """Files were changed since they were read: nothing was touched."""
    UNREACHED = "unreached"
    """It could not be begun: nothing was touched."""
    ROLLED_BACK = "rolled back"
    """It was not well, or was stopped: the old configuration is back."""
    TAKEN_BACK = "taken back"
    """It was well, and has its old settings again because another one was not."""
    NOT_BEGUN = "not begun"
    """Its turn did not come: nothing was touched."""
    BROKEN = "broken"
    """It could not be taken back completely: a person must look, now."""
    UNKNOWN = "unknown"
    """It was cut off in between, and has not answered since."""


#: As the one who applies says it, and as it is said here.
_BECAME = {
    Ending.APPLIED: Became.APPLIED, Ending.UNCHANGED: Became.UNCHANGED, Ending.AWAITING: Became.AWAITING,
    Ending.REFUSED: Became.REFUSED, Ending.CHANGED: Became.CHANGED, Ending.ROLLED_BACK: Became.ROLLED_BACK,
    Ending.BROKEN: Became.BROKEN,
}  # fmt: skip
#: As it was wanted.
WELL = frozenset((Became.APPLIED, Became.UNCHANGED, Became.AWAITING))
#: Nothing was done to it.
UNTOUCHED = frozenset(
    (Became.WAITS, Became.REFUSED, Became.CHANGED, Became.UNREACHED, Became.NOT_BEGUN, Became.UNCHANGED)
)
#: A person must look.
GRAVE = frozenset((Became.BROKEN, Became.UNKNOWN))


@dataclass(eq=False)
class Share:
    """What is done to one server, and how it stands: its receipt, when all is over."""

    prepared: Prepared
    wave: int
    """1 is the canary's; 0 where there is nothing to do."""
    became: Became = Became.WAITS
    text: str = ""
    """In words, for the person."""
    entry_id: str = ""
    """Its entry in the history there; "" where there is none."""
    until: float | None = None
    """When it goes back unless it is confirmed (epoch seconds, by the clock here)."""
    deadline: float = 0.0
    """The same as seconds of the monotonic clock here."""
    steps: list[Step] = field(default_factory=list)
    applied: Applied | None = None
    back: Applied | None = None
    """What taking it back came to."""

    @property
    def name(self) -> str:
        """What the server is called."""
        return self.prepared.name

    @property
    def well(self) -> bool:
        """Whether it is as it was wanted."""
        return self.became in WELL


def became(ending: Ending) -> Became:
    """How it stands with a server whose apply has ended so."""
    return _BECAME[ending]


def tally(shares: Iterable[Share]) -> dict[Became, int]:
    """How many became what, in the order of `Became`."""
    found = [share.became for share in shares]
    return {became: found.count(became) for became in Became if became in found}
