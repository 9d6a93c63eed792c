"""A change over several servers on its way: every server with what is being done to it, wave by wave.

It ends with a receipt for each, and with what the person can do about it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button

from mtatui.backends.applying import Step
from mtatui.fleet.shares import GRAVE, WELL, Became, Share, tally
from mtatui.fleet.waves import Rollout
from mtatui.screens.review import SheetDialog
from mtatui.text import cells, clean, fit, wrap
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine

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


class RolloutScreen(SheetDialog[None]):
    """Every server with what is being done to it. It can be left only when it is over."""

    DEFAULT_CSS = """
    RolloutScreen {
        align: left top;
        background: $background;
        & > Sheet { height: 1fr; }
        & > #answers {
            height: 1; align-horizontal: left; margin-top: 0;
            & Button { margin: 0 1; padding: 0; min-width: 0; background: $background; }
            & Button:focus { background: $block-cursor-background; }
        }
        &:ansi { background: ansi_default; }
        &:ansi > #answers Button, &:ansi > #answers Button:focus { background: ansi_default; }
    }
    """
    AUTO_FOCUS = ""

    def __init__(
        self, title: str, rollout: Rollout, keep: Callable[[], None], back: Callable[[], None]
    ) -> None:
        """Nothing has been done yet.

        Args:
            keep, back: what awaits confirmation is confirmed, or taken back at once, on all servers.
        """
        super().__init__(title)
        self.rollout = rollout
        self.over = False
        self._keep, self._back = keep, back
        self.heading = OneLine(id="heading")

    def compose(self) -> ComposeResult:
        yield self.heading
        yield self.sheet
        with Horizontal(id="answers"):
            yield from self.answers()

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Stop, go back", "stop"),
            answer("Close", "cancel"),
            answer("Keep it on all", "keep"),
            answer("Take it back now", "back"),
        ]

    def on_mount(self) -> None:
        """Show what was told before it was laid out."""
        self._offer()
        self._show()

    def on_resize(self) -> None:
        """Wrap to the width there is."""
        self._show()

    def took(self) -> None:
        """Something of a server is different now."""
        if self.is_mounted:
            self._show()

    def ended(self) -> None:
        """It is over, one way or the other."""
        self.over = True
        if self.is_mounted:
            self._offer()
            self._show()

    def _offer(self) -> None:
        """Show the answers that make sense now, the harmless one in focus."""
        waits = self.over and bool(self.rollout.awaiting)
        shown = {"stop": not self.over, "cancel": self.over, "keep": waits, "back": waits}
        for id, display in shown.items():
            button = self.query_one(f"#{id}", Button)
            button.display, button.disabled = display, False
        self.query_one("#cancel" if self.over else "#stop", Button).focus()

    def _show(self) -> None:
        found = ", ".join(f"{number} {became}" for became, number in tally(self.rollout.shares).items())
        self.heading.say([(f" {self._says}", "strong")], [(f"{found} ", "dim")])
        self.sheet.lines = list(rollout_lines(self.rollout, max(self.size.width - 2, 20)))
        self.sheet.repaint()

    def action_cancel(self) -> None:
        """Close it when it is over; while it runs, ask it to stop."""
        if self.over:
            self.dismiss(None)
        else:
            self._stop()

    @on(Button.Pressed, "#stop")
    def _stop(self) -> None:
        self.query_one("#stop", Button).disabled = True
        self.rollout.stop()

    @on(Button.Pressed, "#keep")
    def _kept(self) -> None:
        self._busy()
        self._keep()

    @on(Button.Pressed, "#back")
    def _taken_back(self) -> None:
        self._busy()
        self._back()

    def _busy(self) -> None:
        for id in ("keep", "back"):
            self.query_one(f"#{id}", Button).disabled = True


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
    elif rollout.over:
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
