"""Editors of single values: a line, one of a few words, a login. What is refused stays, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from mtatui.settings.current import Current
from mtatui.settings.kinds import Choice, Login, Refused
from mtatui.settings.setting import Setting
from mtatui.settings.syntax import LONGEST
from mtatui.text import clean, count
from mtatui.widgets.dialog import Dialog, answer
from mtatui.widgets.lines import CursorLines, Piece


@dataclass(frozen=True, slots=True)
class Typed:
    """What came out of an editor; a value may be None."""

    value: Any


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
        """One plain line goes in; whatever else is the editor's to judge."""
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


class Editor(Dialog[Typed]):
    """An editor of one setting: its name, what it is about, a field, what is wrong with it, and OK."""

    DEFAULT_CSS = """
    Editor {
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

    def __init__(self, setting: Setting, value: Any, current: Current) -> None:
        super().__init__(setting.label)
        self.setting = setting
        self.value = value
        self.current = current

    def about(self) -> Static:
        """What the setting is about."""
        return Static(Content(self.setting.help), id="about")

    def said(self) -> Static:
        """Where the editor says what it thinks of what is typed."""
        return Static(Content(""), id="said")

    def say(self, text: str, *, wrong: bool = False, mind: str = "") -> None:
        """Say it; what is wrong, and what is to be minded, by a sign and by colour."""
        said = self.query_one("#said", Static)
        said.set_class(wrong, "-wrong")
        lines = [Content(f"✖ {clean(text)}" if wrong else clean(text))]
        if mind:
            lines.append(Content.styled(f"! {clean(mind)}", "$text-warning"))
        said.update(Content("\n").join(lines))
        self.query_one("#ok", Button).disabled = wrong

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("OK", "ok")]

    def typed(self) -> Any:
        """The value as it stands there.

        Raises:
            Refused: it cannot be.
        """
        raise NotImplementedError

    def judge(self) -> None:
        """Say what becomes of what is typed, or why it cannot be."""
        try:
            value = self.typed()
        except Refused as refused:
            self.say(f"{refused}.", wrong=True)
            return
        show = self.setting.kind.show
        self.say(
            f"by default {show(self.current.default)}"
            if value == self.current.default
            else f"= {show(value)}    by default {show(self.current.default)}",
            mind=self.mind(value),
        )

    def mind(self, value: Any) -> str:
        """What is to be minded about it."""
        return self.setting.kind.mind(value)

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

    @on(Button.Pressed, "#ok")
    def _agreed(self) -> None:
        self.finish()

    def begin(self) -> None:
        """Before anything is typed."""

    def entered(self) -> None:
        """Enter is OK, where it holds."""
        self.finish()

    def pasted(self, text: str) -> None:
        """What does not go into one line is not taken, and stays in the clipboard."""
        lines = text.count("\n") + 1
        if lines > 1:
            self.say(f"Not pasted: these are {lines} lines, and one is wanted here.", wrong=True)
        elif len(text) > LONGEST:
            self.say(f"Not pasted: {count(len(text))} characters are too many.", wrong=True)
        else:
            self.say("Not pasted: it holds control characters.", wrong=True)
        self.query_one("#ok", Button).disabled = False

    def finish(self) -> None:
        """Answer with the value."""
        try:
            value = self.typed()
        except Refused:
            self.judge()
            return
        self.dismiss(Typed(value))


class LineEditor(Editor):
    """One line of text."""

    def body(self) -> ComposeResult:
        yield self.about()
        yield beside("", Field(self.setting.kind.text(self.value)))
        yield self.said()

    def typed(self) -> Any:
        return self.setting.kind.parse(self.query_one(Field).value)


class LoginEditor(Editor):
    """A name and a password. The password is never shown; left empty it stays what it is."""

    def body(self) -> ComposeResult:
        login: Login | None = self.value
        yield self.about()
        yield beside("User      ", Field(login.user if login else "", id="user"))
        hint = "unchanged" if login else ""
        yield beside("Password  ", Field(id="password", hidden=True, hint=hint))
        yield self.said()

    def typed(self) -> Login | None:
        user = self.query_one("#user", Field).value.strip()
        password = self.query_one("#password", Field).value
        login: Login | None = self.value
        if not user and not password:
            return None
        if not user:
            raise Refused("a user name is wanted here")
        if ":" in user:
            raise Refused("a user name has no colon")
        if not password and login is not None:
            password = login.password
        if not password:
            raise Refused("a password is wanted here")
        parsed: Login | None = self.setting.kind.parse(f"{user}:{password}")
        return parsed

    def judge(self) -> None:
        try:
            login = self.typed()
        except Refused as refused:
            self.say(f"{refused}.", wrong=True)
        else:
            self.say(f"= {self.setting.kind.show(login)}" if login else "No login: both fields are empty.")

    def entered(self) -> None:
        """Enter in the first field goes to the second."""
        if self.focused is self.query_one("#user") and self.query_one("#user", Field).value:
            self.query_one("#password").focus()
        else:
            self.finish()


class Words(CursorLines):
    """The words of a choice, one a line."""

    class Chosen(Message):
        """A word was clicked."""

    def __init__(self, words: Sequence[str], default: str) -> None:
        super().__init__()
        self.words = words
        self.default = default

    def line_count(self) -> int:
        return len(self.words)

    def draw(self, index: int, width: int) -> Strip:
        word = self.words[index]
        at_cursor = index == self.cursor
        pieces: list[Piece] = [("▶ " if at_cursor else "  ", ""), (word or "(not said)", "")]
        if word == self.default:
            pieces.append(("   the default", "dim"))
        return self.line(pieces, width, self.cursor_role if at_cursor else "")

    def cursor_moved(self) -> None:
        screen = self.screen
        if isinstance(screen, ChoiceEditor):
            screen.judge()

    def clicked(self, index: int, event: events.Click) -> None:
        self.move_to(index)
        self.post_message(self.Chosen())


class ChoiceEditor(Editor):
    """One of a few words; what the one under the cursor means stands below."""

    AUTO_FOCUS = "Words"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "finish", "OK", show=False)]

    def body(self) -> ComposeResult:
        assert isinstance(self.setting.kind, Choice)
        words = [word for word, _ in self.setting.kind.choices]
        yield self.about()
        chooser = Words(words, self.current.default)
        chooser.styles.height = len(words)
        chooser.styles.margin = (1, 0, 0, 0)
        yield chooser
        yield self.said()

    def begin(self) -> None:
        """At what holds."""
        words = self.query_one(Words)
        if self.value in words.words:
            self.call_after_refresh(words.move_to, list(words.words).index(self.value))

    def typed(self) -> Any:
        chooser = self.query_one(Words)
        return chooser.words[chooser.cursor]

    def judge(self) -> None:
        assert isinstance(self.setting.kind, Choice)
        word = self.typed()
        self.say(dict(self.setting.kind.choices)[word], mind=self.mind(word))

    def action_finish(self) -> None:
        """Take the word under the cursor."""
        self.finish()

    def on_words_chosen(self) -> None:
        """Clicked."""
        self.finish()
