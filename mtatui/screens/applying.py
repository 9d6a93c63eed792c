"""A plan on its way: each step with what it said, and what came of it in words. Stop asks it to go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.widget import Widget
from textual.widgets import Button

from mtatui.backends.applying import Applied, Ending, Step
from mtatui.screens.review import changes, diff_lines
from mtatui.screens.sheet_dialog import LiveSheet
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


class ChangeSheet(LiveSheet):
    """A change on its way. Until it is over it can be asked to go back; what waits is kept, or taken back."""

    KEEP: ClassVar[str] = "Keep it"

    def __init__(
        self, title: str, stop: Callable[[], object], keep: Callable[[], None], back: Callable[[], None]
    ) -> None:
        """Nothing has been done yet.

        Args:
            stop: asks what is running to go back.
            keep, back: what awaits confirmation is confirmed, or taken back at once.
        """
        super().__init__(title, stop)
        self.over = False
        self._keep, self._back = keep, back

    @property
    def running(self) -> bool:
        """Whether it is not over yet."""
        return not self.over

    @property
    def awaiting(self) -> bool:
        """Whether it is applied and waits to be confirmed."""
        raise NotImplementedError

    def answers(self) -> Sequence[Widget]:
        return [
            answer("Stop, go back", "stop"),
            answer("Close", "cancel"),
            answer(self.KEEP, "keep"),
            answer("Take it back now", "back"),
        ]

    def offered(self) -> Mapping[str, bool]:
        waits = self.over and self.awaiting
        return {**super().offered(), "keep": waits, "back": waits}

    def end(self) -> None:
        """It is over, one way or the other."""
        self.over = True
        self.show()

    def answered(self) -> None:
        """It is being kept, or taken back: close it."""
        self.dismiss(None)

    @on(Button.Pressed, "#keep")
    def _kept(self) -> None:
        self.answered()
        self._keep()

    @on(Button.Pressed, "#back")
    def _taken_back(self) -> None:
        self.answered()
        self._back()


class ApplyingScreen(ChangeSheet):
    """What is being done to one server, step by step."""

    def __init__(
        self, plan: Plan, stop: Callable[[], None], keep: Callable[[], None], back: Callable[[], None]
    ) -> None:
        """Nothing has been done yet; see `ChangeSheet`."""
        super().__init__(f"Applying {changes(len(plan.changes))} to {plan.server}", stop, keep, back)
        self.plan = plan
        self.steps: list[Step] = []
        self.applied: Applied | None = None

    @property
    def awaiting(self) -> bool:
        """Whether it is applied and waits to be confirmed."""
        return self.applied is not None and self.applied.outcome is Ending.AWAITING

    def took(self, step: Step) -> None:
        """A step has begun, ended, or said something."""
        if not self.over:  # what comes late is told in the outcome
            self.steps.append(step)
            self.show()

    def ended(self, applied: Applied) -> None:
        """It is over."""
        self.applied = applied
        self.steps = list(applied.steps) or self.steps
        self.end()

    def failed(self, text: str) -> None:
        """It never came to its beginning, or nobody knows its end."""
        self.steps.append(Step("failed", "failed", text))
        self.end()

    def told(self, width: int) -> Iterator[list[Piece]]:
        yield from step_lines(self.steps, width)
        if self.applied is None:
            return
        yield from outcome_lines(self.plan, self.applied, width)
        if self.applied.until is not None and self.awaiting:
            at = time.strftime("%H:%M:%S", time.localtime(self.applied.until))
            said = f"Without a yes the old configuration is back at {at}. Y keeps it, on every page."
            yield from ([(f"   {line}", "")] for line in wrap(said, width - 4))

    def show(self) -> None:
        """The end first: there it is told what came of it."""
        super().show()
        self.sheet.action_move_to_end()
