"""A figure: what was measured, on us and on a peer, and whether it reaches its bar; and the table of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

_HEADS = ("figure", "ours", "peer", "ratio", "bar", "")


class NotMeasured(Exception):
    """A figure could not be measured, and why, in words."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Args:
        name: what ``--only`` calls the measurement it comes from.
        what: in words.
        ours: in ``unit`` (s, ms, MB, bytes, trips, keys).
        peer: the same of the peer; None where the bar is absolute.
        bar: the most that is allowed, as a ratio to the peer, or in ``unit``; None: told for information.
    """

    name: str
    what: str
    unit: str
    ours: float
    peer: float | None = None
    bar: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours against the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None where there is none."""
        if self.bar is None:
            return None
        measured = self.ours if self.ratio is None else self.ratio
        return measured <= self.bar

    def cells(self) -> tuple[str, ...]:
        """Its line in the table."""
        bar = "" if self.bar is None else f"≤ {self.bar:g} {'×' if self.peer else self.unit}"
        return (
            self.what,
            _amount(self.ours, self.unit),
            _amount(self.peer, self.unit) if self.peer is not None else "",
            f"{self.ratio:.3g} ×" if self.ratio is not None else "",
            bar,
            {True: "met", False: "NOT MET", None: ""}[self.met],
        )


def _amount(value: float, unit: str) -> str:
    digits = {"s": 3, "ms": 1, "MB": 0, "bytes": 0, "trips": 1, "keys": 0}[unit]
    return f"{value:,.{digits}f} {unit}"


def table(figures: Sequence[Figure]) -> str:
    """The figures for a terminal."""
    rows = [_HEADS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    lines = []
    for row in rows:
        first, *numbers = (
            cell.ljust(width) if column in (0, 5) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *numbers]).rstrip())
    return "\n".join(lines)


def markdown(figures: Sequence[Figure]) -> str:
    """The figures for a document."""
    rows = [_HEADS, ("---", "---:", "---:", "---:", "---:", "---"), *(figure.cells() for figure in figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def document(figures: Sequence[Figure], **about: object) -> str:
    """The figures for a program, with what they were measured on."""
    lines = [asdict(figure) | {"ratio": figure.ratio, "met": figure.met} for figure in figures]
    return json.dumps(about | {"figures": lines}, indent=2)
