"""Dialogs with fields: what is typed is judged at every letter; what is refused is said, and stays."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Static

from mtatui.settings.kinds import Refused
from mtatui.settings.syntax import LONGEST
from mtatui.text import clean, count
from mtatui.widgets.dialog import Dialog, T

#: Where there are several fields: to the next one, and to the one before.
UP_AND_DOWN: list[BindingType] = [
    Binding("down", "app.focus_next", show=False),
    Binding("up", "app.focus_previous", show=False),
]


class Field(Input):
    """An input that tells of what is pasted, and lets nothing in that steers a terminal."""

    class Pasted(Message):
        """Several lines were pasted, or what cannot be in a line."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self, value: str = "", *, id: str | None = None, hidden: bool = False, hint: str = ""
    ) -> None:
        super().__init__(
            clean(value), id=id, compact=True, select_on_focus=False, password=hidden, placeholder=hint
        )
        self.cursor_blink = False

    def on_paste(self, event: events.Paste) -> None:
        """One plain line goes in; whatever else is the dialog's to judge."""
        text = event.text.strip("\r\n")
        if text.isprintable() and len(text) + len(self.value) <= LONGEST:
            self.insert_text_at_cursor(text)
        else:
            self.post_message(self.Pasted(text))
        event.prevent_default()
        event.stop()


def beside(label: str, field: Field) -> Horizontal:
    """A field in brackets, with its label."""
    return Horizontal(
        Static(Content(f"{label}[ "), classes="label"),
        field,
        Static(Content(" ]"), classes="label"),
        classes="field",
    )


class FieldsDialog(Dialog[T]):
    """What it is about, fields, what is thought of what is typed, and answers that want it to hold.

    A child class puts `about`, fields (`beside`) and `said` into its body, and says what is typed.
    """

    DEFAULT_CSS = """
    FieldsDialog {
        & .field { height: 1; margin-top: 1; }
        & .field .label { width: auto; }
        & .field Field, & .field Field:focus { width: 1fr; background: transparent; }
        & #about { color: $text-muted; }
        & #said { min-height: 2; margin-top: 1; }
        & #said.-wrong { color: $text-error; }
        &:ansi #about { color: ansi_default; text-style: dim; }
        &:ansi #said.-wrong { color: ansi_red; }
    }
    """
    AUTO_FOCUS = "Field"
    FIRST: ClassVar[str] = ""
    """What is asked while nothing is typed yet."""

    def about(self, text: str) -> Static:
        """What it is about."""
        return Static(Content(text), id="about")

    def said(self) -> Static:
        """Where it is said what is thought of what is typed."""
        return Static(Content(""), id="said")

    def in_field(self, id: str) -> str:
        """What stands in one of several fields."""
        return self.query_one(f"#{id}", Field).value.strip()

    # --- what a child class says -----------------------------------------------------------------------

    def typed(self) -> Any:
        """What is typed, as a whole.

        Raises:
            Refused: it cannot be.
        """
        raise NotImplementedError

    def comes_to(self, typed: Any) -> str:
        """What becomes of what is typed, in words."""
        raise NotImplementedError

    def answered(self, typed: Any, id: str) -> T:
        """With what it is dismissed, by the answer with this id.

        Raises:
            Refused: it cannot be, as was found only now.
        """
        raise NotImplementedError

    def mind(self, typed: Any) -> str:
        """What is to be minded about what is typed."""
        return ""

    def begin(self) -> None:
        """Before anything is typed."""

    def judge(self) -> None:
        """Say what becomes of what is typed, or why it cannot be."""
        try:
            typed = self.typed()
        except Refused as refused:
            self.refuse(refused)
        else:
            self.say(self.comes_to(typed), mind=self.mind(typed))
            self.allow(True)

    def entered(self) -> None:
        """Enter in a field goes on: to the next one, and to the answers in the end."""
        self.focus_next()

    def pasted(self, text: str) -> None:
        """What does not go into one line is not taken, and stays in the clipboard."""
        lines = text.count("\n") + 1
        if lines > 1:
            self.say(f"Not pasted: these are {lines} lines, and one is wanted here.", wrong=True)
        elif len(text) > LONGEST:
            self.say(f"Not pasted: {count(len(text))} characters are too many.", wrong=True)
        else:
            self.say("Not pasted: it holds control characters.", wrong=True)

    # --- saying ----------------------------------------------------------------------------------------

    def say(self, text: str, *, wrong: bool = False, mind: str = "") -> None:
        """Say it; what is wrong, and what is to be minded, by a sign and by colour."""
        said = self.query_one("#said", Static)
        said.set_class(wrong, "-wrong")
        lines = [Content(f"✖ {clean(text)}" if wrong else clean(text))]
        if mind:
            lines.append(Content.styled(f"! {clean(mind)}", "$text-warning"))
        said.update(Content("\n").join(lines))

    def allow(self, yes: bool) -> None:
        """Whether it can be answered otherwise than by leaving."""
        for button in self.query("#answers Button").exclude("#cancel"):
            button.disabled = not yes

    def refuse(self, refused: Refused) -> None:
        """Say why it cannot be; where nothing is typed yet nothing is wrong."""
        if self.FIRST and not self.query(Field).first().value.strip():
            self.say(self.FIRST)
        else:
            self.say(f"{refused}".removesuffix(".") + ".", wrong=True)
        self.allow(False)

    def finish(self, id: str = "ok") -> None:
        """Answer with what is typed, where it holds."""
        try:
            answer = self.answered(self.typed(), id)
        except Refused as refused:
            self.refuse(refused)
        else:
            self.dismiss(answer)

    # Textual calls a handler of every class in the family: so there is one of each, and what it does is
    # a child class's to say.

    def on_mount(self) -> None:
        """Judge what is there already."""
        self.begin()
        self.judge()

    def on_input_changed(self) -> None:
        """Every letter counts."""
        self.judge()

    def on_field_pasted(self, event: Field.Pasted) -> None:
        """More was pasted than goes into a line."""
        self.pasted(event.text)

    def on_input_submitted(self) -> None:
        """Enter in a field."""
        self.entered()

    @on(Button.Pressed, "#answers Button")
    def _agreed(self, event: Button.Pressed) -> None:
        if event.button.id and event.button.id != "cancel":
            self.finish(event.button.id)
