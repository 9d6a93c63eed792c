"""A change over several servers: the review of all its plans, then the waves as they go.

While the review is open nothing has been touched. It says who comes first and what goes back if one server is
not well; keys change that. The other screen shows every server with what is being done to it, and ends with a
receipt for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mtatui.backends.applying import Step
from mtatui.fleet.prepared import SIZE, Prepared, waves
from mtatui.fleet.shares import GRAVE, WELL, Became, RollBack, Share, tally
from mtatui.fleet.waves import Rollout
from mtatui.screens.review import MINUTES, Answer, SheetDialog, lines, told
from mtatui.text import cells, clean, fit, wrap
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import Piece
from mtatui.widgets.one_line import OneLine

#: How many servers a wave can have, in the order in which a key turns it.
SIZES = (1, 2, SIZE, 10, 25, 1000)
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


@dataclass(frozen=True, slots=True)
class Choice:
    """What the review was answered with."""

    prepared: tuple[Prepared, ...]
    waves: tuple[tuple[Prepared, ...], ...]
    roll_back: RollBack
    confirm: bool
    """Each goes back unless it is confirmed."""


class WavesReview(SheetDialog[Choice]):
    """The plans of all servers over the whole screen; Cancel has the focus."""

    DEFAULT_CSS = """
    WavesReview {
        align: left top;
        background: $background;
        & > Sheet { height: 1fr; }
        & > #agree { height: 1; padding-left: 1; }
        & > #agree Static { width: auto; }
        & > #agree Input, & > #agree Input:focus { width: 8; background: transparent; }
        & > #answers {
            height: 1; align-horizontal: left; margin-top: 0;
            & Button { margin: 0 1; padding: 0; min-width: 0; background: $background; }
            & Button:focus { background: $block-cursor-background; }
        }
        &:ansi { background: ansi_default; }
        &:ansi > #answers Button, &:ansi > #answers Button:focus { background: ansi_default; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pages(1)", show=False),
        Binding("c", "canary", "Another one first", show=False),
        Binding("w", "size", "Another number in a wave", show=False),
        Binding("f", "rule", "What goes back", show=False),
        Binding("x", "leave_out", "Leave out those without a plan", show=False),
        *(Binding(letter, f"type('{letter}')", show=False) for letter in "yes"),
    ]

    def __init__(self, title: str, prepared: Sequence[Prepared]) -> None:
        """Args:
        prepared: all servers, also those for which there is no plan.
        """
        super().__init__(title)
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

    def compose(self) -> ComposeResult:
        heading = OneLine(id="heading")
        heading.say([(f" Review: {self._says}", "strong")], [("nothing has been touched yet ", "dim")])
        yield heading
        yield self.sheet
        if self.grave:
            with Horizontal(id="agree"):
                yield Static(Content("Type yes to agree to what is in danger: [ "))
                typed = Input(compact=True, select_on_focus=False, max_length=5)
                typed.cursor_blink = False
                yield typed
                yield Static(Content("]"))
        with Horizontal(id="answers"):
            yield from self.answers()

    def answers(self) -> Sequence[Widget]:
        keep = f"Apply, keep only if I confirm within {MINUTES} min"
        if self.app.size.width < 76:
            keep = f"Apply for {MINUTES} min"
        return [answer("Cancel", "cancel"), answer("Apply", Answer.APPLY), answer(keep, Answer.CONFIRM)]

    def on_mount(self) -> None:
        """What cannot be answered yet is dimmed."""
        self._offer()

    def on_resize(self) -> None:
        """Wrap to the width there is."""
        self._show()

    def _show(self) -> None:
        self.sheet.lines = [*self._order(self.size.width - 1), *self._plans(self.size.width - 1)]
        self.sheet.repaint()

    # --- what it says ----------------------------------------------------------------------------------

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
            self._show()

    def action_size(self) -> None:
        """Another number of servers in a wave."""
        before = self.waves
        for _ in SIZES:  # one that makes a difference
            self.size_of_wave = SIZES[(SIZES.index(self.size_of_wave) + 1) % len(SIZES)]
            if self.waves != before:
                break
        self._show()

    def action_rule(self) -> None:
        """All go back, or only those that failed."""
        self.roll_back = RollBack.FAILED if self.roll_back is RollBack.ALL else RollBack.ALL
        self._show()

    def action_leave_out(self) -> None:
        """Go on without those that have no plan."""
        self.prepared = tuple(one for one in self.prepared if one.error is None)
        self._offer()
        self._show()

    # --- answering -------------------------------------------------------------------------------------

    def _offer(self) -> None:
        agreed = not self.grave or self.query_one(Input).value.strip().lower() == "yes"
        for id in Answer:
            self.query_one(f"#{id}", Button).disabled = bool(self.without) or not self.waves or not agreed

    def action_type(self, letter: str) -> None:
        """Cancel has the focus, and yet what is typed goes where it belongs."""
        if self.grave:
            typed = self.query_one(Input)
            self.set_focus(typed)
            typed.insert_text_at_cursor(letter)

    def on_input_changed(self) -> None:
        """Agreed, or not yet."""
        self._offer()

    def on_input_submitted(self) -> None:
        """Enter goes on to the button; only pressing that acts."""
        button = self.query_one(f"#{Answer.APPLY}", Button)
        if not button.disabled:
            button.focus()

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        if event.button.id in list(Answer):
            confirm = event.button.id == Answer.CONFIRM
            self.dismiss(Choice(self.prepared, self.waves, self.roll_back, confirm))


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
