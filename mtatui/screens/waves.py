"""A change over several servers on its way: every server with what is being done to it, wave by wave.

It ends with a receipt for each, and with what the person can do about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from mtatui.backends.applying import Step
from mtatui.fleet.shares import GRAVE, WELL, Became, Share, tally
from mtatui.fleet.waves import Rollout
from mtatui.screens.applying import ChangeSheet
from mtatui.text import cells, clean, fit, wrap
from mtatui.widgets.lines import Piece

#: Cells of a server's name at most, and of what became of it.
NAME, BECAME = 16, 14

#: Sign and role of how it stands with a server.
SIGNS: dict[Became, tuple[str, str]] = {
    Became.WAITS: ("·", "dim"),
    Became.WORKING: ("▶", "accent"),
    Became.APPLIED: ("✔", ""),
    Became.UNCHANGED: ("=", "dim"),
    Became.AWAITING: ("◐", "warning"),
    Became.REFUSED: ("✖", "warning"),
    Became.CHANGED: ("✖", "warning"),
    Became.UNREACHED: ("✖", "warning"),
    Became.ROLLED_BACK: ("✖", "danger"),
    Became.TAKEN_BACK: ("↶", "warning"),
    Became.NOT_BEGUN: ("·", "dim"),
    Became.BROKEN: ("✖", "danger"),
    Became.UNKNOWN: ("?", "danger"),
}


class RolloutScreen(ChangeSheet):
    """Every server with what is being done to it."""

    WHOLE = True
    KEEP = "Keep it on all"

    def __init__(
        self, title: str, rollout: Rollout, keep: Callable[[], None], back: Callable[[], None]
    ) -> None:
        """Nothing has been done yet.

        Args:
            keep, back: what awaits confirmation is confirmed, or taken back at once, on all servers.
        """
        super().__init__(title, rollout.stop, keep, back)
        self.rollout = rollout

    @property
    def awaiting(self) -> bool:
        """Whether it is applied somewhere and waits to be confirmed."""
        return bool(self.rollout.awaiting)

    def took(self) -> None:
        """Something of a server is different now."""
        self.show()

    def ended(self) -> None:
        """It is over, one way or the other."""
        self._answerable(True)
        self.end()

    def answered(self) -> None:
        """It is being kept, or taken back: it stays open, for each server has its own answer."""
        self._answerable(False)

    def _answerable(self, yes: bool) -> None:
        for button in self.query("#keep, #back"):
            button.disabled = not yes

    def told(self, width: int) -> Iterator[list[Piece]]:
        return rollout_lines(self.rollout, width - 1)

    def show(self) -> None:
        """How many are how, and each of them."""
        found = ", ".join(f"{number} {became}" for became, number in tally(self.rollout.shares).items())
        self.heading.say([(f" {self._says}", "strong")], [(f"{found} ", "dim")])
        super().show()


def rollout_lines(rollout: Rollout, width: int) -> Iterator[list[Piece]]:
    """The waves, each server as it stands; in the end what is to be known about the whole."""
    room = min(max(cells(clean(share.name)) for share in rollout.shares), NAME)
    for number in range(1, rollout.waves + 1):
        yield [(" First, alone" if number == 1 else f" Wave {number}", "accent")]
        for share in rollout.shares:
            if share.wave == number:
                yield from _share_lines(share, room, width)
    if idle := [share for share in rollout.shares if not share.wave]:
        yield [(" Nothing to do", "accent")]
        for share in idle:
            yield from _share_lines(share, room, width)
    yield []
    if rollout.stopped:
        for line in wrap(clean(f"It was not carried through: {rollout.stopped}"), width - 2):
            yield [(f" {line}", "danger")]
    elif rollout.over and all(share.well for share in rollout.shares):
        yield [(" ✔ Every server is as it was wanted.", "strong")]
    if rollout.over and rollout.awaiting:
        until = min(share.until or 0.0 for share in rollout.awaiting)
        at = time.strftime("%H:%M:%S", time.localtime(until))
        for line in wrap(f"Without a yes the old configuration is back from {at} on.", width - 2):
            yield [(f" {line}", "warning")]


def _share_lines(share: Share, room: int, width: int) -> Iterator[list[Piece]]:
    """A server: its sign, its name, how it stands, and the last that was said; what is grave in full."""
    sign, role = SIGNS[share.became]
    text = clean(_said(share), lines=True).replace("\n", " ")
    head = f"  {sign} {fit(clean(share.name), room)}  "
    pieces: list[Piece] = [(head, role), (f"{share.became:<{BECAME}}", role)]
    left = max(width - cells(head) - BECAME, 10)
    rest = [text] if share.became in WELL or share.became is Became.WORKING else wrap(text, left)
    for number, line in enumerate(rest or [""]):
        shown: Piece = (
            fit(line, left),
            "danger" if share.became in GRAVE else "dim" if role == "dim" else "",
        )
        yield [*pieces, shown] if not number else [(" " * (cells(head) + BECAME), ""), shown]


def _said(share: Share) -> str:
    """What is going on there, or how it ended."""
    if share.became is not Became.WORKING:
        return share.text
    if share.text:
        return share.text
    if not share.steps:
        return "…"
    last = share.steps[-1]
    return _step(last)


def _step(step: Step) -> str:
    said = step.text or step.command
    return f"{step.name}  {said}".rstrip() if said else f"{step.name} …"
