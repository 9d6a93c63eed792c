"""The review of a plan: what it means, what must be known, every line that changes, every command.

Nothing has been touched while this is open. A grave caution wants a typed "yes" before anything is applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mtatui.screens.reading import labelled
from mtatui.screens.sheet_dialog import SheetDialog
from mtatui.settings.plan import Plan
from mtatui.text import clean
from mtatui.widgets.dialog import T, answer
from mtatui.widgets.lines import Piece

#: Cells of the column in which it is said what a paragraph is about.
LABEL = 11
#: Minutes in which a change is to be confirmed, where that is asked for.
MINUTES = 5

GUARD = "If it fails, or this terminal is lost: a guard on the server puts the old configuration back."


class Answer(StrEnum):
    """What a person wants done with a plan."""

    APPLY = "apply"
    CONFIRM = "confirm"
    """Apply, and take it back unless it is confirmed in time."""


def diff_lines(diff: Iterable[str]) -> Iterator[list[Piece]]:
    """A unified diff, coloured; its lines begin with their sign as well."""
    for line in diff:
        if line.startswith(("+++", "---")):
            role = "strong"
        elif line.startswith("@@"):
            role = "dim"
        else:
            role = {"+": "accent", "-": "danger"}.get(line[:1], "")
        yield [(line, role)]


def told(label: str, paragraphs: Iterable[tuple[str, str]], width: int) -> Iterator[list[Piece]]:
    """Paragraphs with their roles, beside a label that stands at the first of them."""
    for text, role in paragraphs:
        yield from labelled(f" {label}", text, role, width, LABEL + 1)
        label = ""


def lines(plan: Plan, width: int) -> list[Sequence[Piece]]:
    """All that is to be said about a plan, in lines of so many cells."""
    words = plan.words or tuple(f"{c.label}: {c.before} → {c.after}" for c in plan.changes)
    found: list[Sequence[Piece]] = [*told("In words", ((text, "") for text in words), width)]
    for caution in sorted(plan.cautions, key=lambda caution: not caution.grave):
        label, role = ("✖ Danger", "danger") if caution.grave else ("! Mind", "warning")
        found += told(label, [(caution.text, role)], width)
    found += [[]]
    found += ([(f" {line[0][0]}", line[0][1])] for line in diff_lines(plan.diff()))
    found += [[]]
    found += told("Commands", ((clean(command), "") for command in plan.commands()), width)
    found += told("Guard", [(GUARD, "")], width)
    return found


class ReviewSheet(SheetDialog[T]):
    """Plans over the whole screen. What is grave in them wants a typed "yes"; Cancel has the focus."""

    DEFAULT_CSS = """
    ReviewSheet {
        & > #agree { height: 1; padding-left: 1; }
        & > #agree Static { width: auto; }
        & > #agree Input, & > #agree Input:focus { width: 8; background: transparent; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pages(1)", show=False),
        *(Binding(letter, f"type('{letter}')", show=False) for letter in "yes"),
    ]
    WHOLE = True

    @property
    def grave(self) -> bool:
        """Whether there is something that must be agreed to."""
        raise NotImplementedError

    @property
    def complete(self) -> bool:
        """Whether it can be applied as it is, once it is agreed to."""
        return True

    def answered(self, answer: Answer) -> T:
        """What an answer comes to."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        if self.grave:
            with Horizontal(id="agree"):
                yield Static(Content("Type yes to agree to what is in danger: [ "))
                typed = Input(compact=True, select_on_focus=False, max_length=5)
                typed.cursor_blink = False
                yield typed
                yield Static(Content("]"))

    def answers(self) -> Sequence[Widget]:
        keep = f"Apply, keep only if I confirm within {MINUTES} min"  # all three fit into 80 columns
        if self.app.size.width < 76:
            keep = f"Apply for {MINUTES} min"
        return [answer("Cancel", "cancel"), answer("Apply", Answer.APPLY), answer(keep, Answer.CONFIRM)]

    def on_mount(self) -> None:
        """What cannot be answered yet is dimmed."""
        self.heading.say([(f" {self._says}", "strong")], [("nothing has been touched yet ", "dim")])
        self.offer()

    def offer(self) -> None:
        """Dim what cannot be answered now."""
        agreed = not self.grave or self.query_one(Input).value.strip().lower() == "yes"
        for id in Answer:
            self.query_one(f"#{id}", Button).disabled = not (self.complete and agreed)

    def action_type(self, letter: str) -> None:
        """Cancel has the focus, and yet what is typed goes where it belongs."""
        if self.grave:
            typed = self.query_one(Input)
            self.set_focus(typed)
            typed.insert_text_at_cursor(letter)

    def on_input_changed(self) -> None:
        """Agreed, or not yet."""
        self.offer()

    def on_input_submitted(self) -> None:
        """Enter goes on to the button; only pressing that acts."""
        button = self.query_one(f"#{Answer.APPLY}", Button)
        if not button.disabled:
            button.focus()

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        if event.button.id in list(Answer):
            self.dismiss(self.answered(Answer(event.button.id)))


class ReviewScreen(ReviewSheet[Answer]):
    """The plan for one server."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"Review {changes(len(plan.changes))} for {plan.server}")
        self.plan = plan

    @property
    def grave(self) -> bool:
        """Whether there is something that must be agreed to."""
        return bool(self.plan.grave)

    def told(self, width: int) -> list[Sequence[Piece]]:
        return lines(self.plan, width)

    def answered(self, answer: Answer) -> Answer:
        return answer


def changes(number: int) -> str:
    """``1 change``, ``2 changes``."""
    return f"{number} change{'' if number == 1 else 's'}"
