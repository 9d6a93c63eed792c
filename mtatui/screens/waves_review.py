"""The review of a change over several servers: all plans, who comes first, what goes back if one is not well.

While it is open nothing has been touched. Keys change who comes when, and the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from mtatui.fleet.prepared import SIZE, Prepared, waves
from mtatui.fleet.shares import RollBack
from mtatui.screens.review import Answer, ReviewSheet, lines, told
from mtatui.text import clean, wrap
from mtatui.widgets.lines import Piece

#: How many servers a wave can have, in the order in which a key turns it.
SIZES = (1, 2, SIZE, 10, 25, 1000)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the review was answered with."""

    prepared: tuple[Prepared, ...]
    waves: tuple[tuple[Prepared, ...], ...]
    roll_back: RollBack
    confirm: bool
    """Each goes back unless it is confirmed."""


class WavesReview(ReviewSheet[Choice]):
    """The plans of all servers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "canary", "Another one first", show=False),
        Binding("w", "size", "Another number in a wave", show=False),
        Binding("f", "rule", "What goes back", show=False),
        Binding("x", "leave_out", "Leave out those without a plan", show=False),
    ]

    def __init__(self, title: str, prepared: Sequence[Prepared]) -> None:
        """Args:
        prepared: all servers, also those for which there is no plan.
        """
        super().__init__(f"Review: {title}")
        self.prepared = tuple(prepared)
        self.roll_back = RollBack.ALL
        self.size_of_wave = SIZE
        acting = [one.name for one in prepared if one.acts]
        self.canary = acting[0] if acting else ""

    @property
    def waves(self) -> tuple[tuple[Prepared, ...], ...]:
        """Who comes when."""
        return waves([one for one in self.prepared if one.error is None], self.canary, self.size_of_wave)

    @property
    def without(self) -> list[Prepared]:
        """The servers for which there is no plan."""
        return [one for one in self.prepared if one.error is not None]

    @property
    def grave(self) -> bool:
        """Whether a plan has something that must be agreed to."""
        return any(one.plan.grave for one in self.prepared if one.plan is not None)

    @property
    def complete(self) -> bool:
        """Whether it can be applied as it is, once it is agreed to."""
        return bool(self.waves) and not self.without

    def answered(self, answer: Answer) -> Choice:
        return Choice(self.prepared, self.waves, self.roll_back, answer is Answer.CONFIRM)

    # --- what it says ----------------------------------------------------------------------------------

    def told(self, width: int) -> list[Sequence[Piece]]:
        return [*self._order(width), *self._plans(width)]

    def _order(self, width: int) -> Iterator[list[Piece]]:
        """Who comes when, and the rule, each with the key that changes it."""
        if self.without:
            yield from told(
                "✖ No plan", [("Nothing can be applied while a server has no plan:", "danger")], width
            )
            for one in self.without:
                yield from told("", [(f"{clean(one.name)}: {one.error}", "")], width)
            yield from told("", [("x leaves them out, and does it for the others.", "accent")], width)
            yield []
        order = self.waves
        if not order:
            return
        yield from told("c First", [(f"{clean(order[0][0].name)}, alone", "")], width)
        for number, wave in enumerate(order[1:], 2):
            names = ", ".join(clean(one.name) for one in wave)
            yield from told("w Waves" if number == 2 else "", [(f"{number}: {names}", "")], width)
        goes = (
            "all that were changed go back"
            if self.roll_back is RollBack.ALL
            else "only what failed goes back"
        )
        yield from told("f If not", [(f"well on one server, it ends there, and {goes}", "")], width)
        for one in self.prepared:
            if one.changed_outside:
                said = f"{one.name}: changed by hand since its last entry: {', '.join(one.changed_outside)}"
                yield from told("! Mind", [(clean(said), "warning")], width)
        if idle := [clean(one.name) for one in self.prepared if one.plan is not None and one.plan.empty]:
            yield from told("Unchanged", [(f"{', '.join(idle)}: it is so already", "dim")], width)

    def _plans(self, width: int) -> Iterator[Sequence[Piece]]:
        """Each plan with the servers for which it is the same."""
        found: dict[str, tuple[list[str], list[Sequence[Piece]]]] = {}
        for wave in self.waves:
            for one in wave:
                assert one.plan is not None
                said = lines(one.plan, width)
                found.setdefault(repr(said), ([], said))[0].append(clean(one.name))
        for names, said in found.values():
            yield []
            for line in wrap(", ".join(names), width - 2):
                yield [(f" {line}", "accent")]
            yield from said

    # --- changing how ----------------------------------------------------------------------------------

    def action_canary(self) -> None:
        """The next one comes first."""
        acting = [one.name for one in self.prepared if one.acts]
        if acting:
            self.canary = acting[(acting.index(self.canary) + 1) % len(acting)]
            self.show()

    def action_size(self) -> None:
        """Another number of servers in a wave."""
        before = self.waves
        for _ in SIZES:  # one that makes a difference
            self.size_of_wave = SIZES[(SIZES.index(self.size_of_wave) + 1) % len(SIZES)]
            if self.waves != before:
                break
        self.show()

    def action_rule(self) -> None:
        """All go back, or only those that failed."""
        self.roll_back = RollBack.FAILED if self.roll_back is RollBack.ALL else RollBack.ALL
        self.show()

    def action_leave_out(self) -> None:
        """Go on without those that have no plan."""
        self.prepared = tuple(one for one in self.prepared if one.error is None)
        self.offer()
        self.show()
