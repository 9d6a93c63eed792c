"""A plan on its way: each step with what it said, and what came of it in words. Stop asks it to go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.screens.review import SheetDialog, changes, diff_lines
from mtatui.settings.plan import Edit, Plan
from mtatui.text import clean, wrap
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import Piece

#: Cells of the column in which a step has its name.
NAME = 11

_SIGNS = {"begins": ("▶", "accent"), "done": ("✔", ""), "failed": ("✖", "danger"), "told": (" ", "dim")}

#: How an outcome is said, and how serious it is.
OUTCOMES = {
    Ending.APPLIED: ("✔ Applied.", "accent"),
    Ending.UNCHANGED: ("Nothing was to be done: all of it is so already.", ""),
    Ending.REFUSED: ("✖ Refused; nothing was touched.", "warning"),
    Ending.CHANGED: ("✖ Somebody changed it meanwhile; nothing was touched.", "warning"),
    Ending.AWAITING: ("◐ Applied, and waits for you.", "warning"),
    Ending.ROLLED_BACK: ("✖ Rolled back: the old configuration is in place again.", "danger"),
    Ending.BROKEN: ("✖ BROKEN: it could not be taken back by itself.", "danger"),
}


def step_lines(steps: Sequence[Step], width: int) -> Iterator[list[Piece]]:
    """Each step as it stands now, with what was said of it meanwhile."""
    names = dict.fromkeys(step.name for step in steps)
    for name in names:
        said = [step for step in steps if step.name == name]
        last = next((step for step in reversed(said) if step.state != "told"), said[-1])
        sign, role = _SIGNS[last.state]
        text = last.text or ("…" if last.state == "begins" else "")
        paragraphs = [(text, "danger" if last.state == "failed" else "")]
        paragraphs += [
            (told, "dim") for step in said if step.state == "told" for told in (step.command, step.text)
        ]
        called = name
        for paragraph, own in [one for one in paragraphs if one[0]] or [("", "")]:
            for line in wrap(clean(paragraph, lines=True), width - NAME - 4):
                yield [(f" {sign} ", role), (f"{clean(called):<{NAME}}", role and "strong"), (line, own)]
                sign, called = " ", ""


def outcome_lines(plan: Plan, applied: Applied, width: int) -> Iterator[list[Piece]]:
    """What came of it; where somebody was quicker, what stands there against what was to stand there."""
    text, role = OUTCOMES[applied.outcome]
    yield []
    yield [(f" {text}", role)]
    said = clean(applied.text, lines=True)
    if said not in text:  # "Applied." says no more than its heading
        yield from ([(f"   {line}", "")] for line in wrap(said, width - 4) if line)
    secrets = {edit.path: edit.secrets for edit in plan.edits}
    for path, (ours, theirs) in applied.versions.items():
        yield []
        yield [(f" {clean(path)}: as it is now (-), as it would become (+)", "strong")]
        diff = Edit(path, theirs, ours, secrets=secrets.get(path, ())).diff()
        yield from ([(f"   {text}", role) for text, role in line] for line in diff_lines(diff[2:]))


class ApplyingScreen(SheetDialog[None]):
    """What is being done, step by step. It can be left only when it is over."""

    DEFAULT_CSS = """
    ApplyingScreen {
        & > #frame { width: 96; height: auto; max-height: 90%; }
        & Sheet { height: 14; }
    }
    """
    AUTO_FOCUS = ""

    def __init__(
        self, plan: Plan, stop: Callable[[], None], keep: Callable[[], None], back: Callable[[], None]
    ) -> None:
        """Nothing has been done yet.

        Args:
            stop: asks what is running to go back.
            keep, back: what awaits confirmation is confirmed, or taken back at once.
        """
        super().__init__(f"Applying {changes(len(plan.changes))} to {plan.server}")
        self.plan = plan
        self.steps: list[Step] = []
        self.applied: Applied | None = None
        self.over = False
        self._stop, self._keep, self._back = stop, keep, back

    def compose(self) -> ComposeResult:
        with Vertical(id="frame") as frame:
            frame.border_title = Content(self._says)
            yield self.sheet
            with Horizontal(id="answers"):
                yield from self.answers()

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Stop, go back", "stop"),
            answer("Close", "cancel"),
            answer("Keep it", "keep"),
            answer("Take it back now", "back"),
        ]

    def on_mount(self) -> None:
        """Show what was told before it was laid out."""
        self._offer()
        self._show()

    def on_resize(self) -> None:
        """Wrap to the width there is."""
        self._show()

    def took(self, step: Step) -> None:
        """A step has begun, ended, or said something."""
        if not self.over:  # what comes late is told in the outcome
            self.steps.append(step)
            self._show()

    def ended(self, applied: Applied) -> None:
        """It is over."""
        self.applied = applied
        self.steps = list(applied.steps) or self.steps
        self._end()

    def failed(self, text: str) -> None:
        """It never came to its beginning, or nobody knows its end."""
        self.steps.append(Step("failed", "failed", text))
        self._end()

    def _end(self) -> None:
        self.over = True
        if self.is_mounted:  # else it is shown when it is
            self._offer()
            self._show()

    @property
    def awaiting(self) -> bool:
        """Whether it is applied and waits to be confirmed."""
        return self.applied is not None and self.applied.outcome is Ending.AWAITING

    def _offer(self) -> None:
        """Show the answers that make sense now, the harmless one in focus."""
        shown = {"stop": not self.over, "cancel": self.over}
        shown |= {"keep": self.awaiting, "back": self.awaiting}
        for id, display in shown.items():
            self.query_one(f"#{id}", Button).display = display
        self.query_one("#cancel" if self.over else "#stop", Button).focus()

    def _show(self) -> None:
        width = max(self.sheet.size.width - 1, 20)
        lines = [*step_lines(self.steps, width)]
        if self.applied is not None:
            lines += outcome_lines(self.plan, self.applied, width)
            if self.applied.until is not None and self.awaiting:
                at = time.strftime("%H:%M:%S", time.localtime(self.applied.until))
                said = f"Without a yes the old configuration is back at {at}. Y keeps it, on every page."
                lines += [[(f"   {line}", "")] for line in wrap(said, width - 4)]
        self.sheet.lines = lines
        self.sheet.styles.height = min(max(len(lines), 12), max(self.app.size.height - 6, 5))
        self.sheet.show_from(len(lines))
        self.sheet.repaint()

    def action_cancel(self) -> None:
        """Close it when it is over; while it runs, ask it to stop."""
        if self.over:
            self.dismiss(None)
        else:
            self._stop()

    @on(Button.Pressed, "#stop")
    def _stopped(self) -> None:
        self.query_one("#stop", Button).disabled = True
        self._stop()

    @on(Button.Pressed, "#keep")
    def _kept(self) -> None:
        self.dismiss(None)
        self._keep()

    @on(Button.Pressed, "#back")
    def _taken_back(self) -> None:
        self.dismiss(None)
        self._back()
