"""Editors of single values: a line, one of a few words, a login. What is refused stays, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mtatui.screens.fields import Field, FieldsDialog, beside
from mtatui.settings.current import Current
from mtatui.settings.kinds import Choice, Login, Refused
from mtatui.settings.setting import Setting
from mtatui.widgets.dialog import answer
from mtatui.widgets.lines import CursorLines, Piece


@dataclass(frozen=True, slots=True)
class Typed:
    """What came out of an editor; a value may be None."""

    value: Any


class Editor(FieldsDialog[Typed]):
    """An editor of one setting: its name, what it is about, a field, what is wrong with it, and OK."""

    def __init__(self, setting: Setting, value: Any, current: Current) -> None:
        super().__init__(setting.label)
        self.setting = setting
        self.value = value
        self.current = current

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("OK", "ok")]

    def comes_to(self, typed: Any) -> str:
        show = self.setting.kind.show
        default = f"by default {show(self.current.default)}"
        return default if typed == self.current.default else f"= {show(typed)}    {default}"

    def mind(self, typed: Any) -> str:
        return self.setting.kind.mind(typed)

    def answered(self, typed: Any, id: str) -> Typed:
        return Typed(typed)

    def entered(self) -> None:
        """Enter is OK, where it holds."""
        self.finish()


class LineEditor(Editor):
    """One line of text."""

    def body(self) -> ComposeResult:
        yield self.about(self.setting.help)
        yield beside("", Field(self.setting.kind.text(self.value)))
        yield self.said()

    def typed(self) -> Any:
        return self.setting.kind.parse(self.query_one(Field).value)


class LoginEditor(Editor):
    """A name and a password. The password is never shown; left empty it stays what it is."""

    def body(self) -> ComposeResult:
        login: Login | None = self.value
        yield self.about(self.setting.help)
        yield beside("User      ", Field(login.user if login else "", id="user"))
        hint = "unchanged" if login else ""
        yield beside("Password  ", Field(id="password", hidden=True, hint=hint))
        yield self.said()

    def typed(self) -> Login | None:
        user = self.in_field("user")
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

    def comes_to(self, typed: Any) -> str:
        return f"= {self.setting.kind.show(typed)}" if typed else "No login: both fields are empty."

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
        yield self.about(self.setting.help)
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

    def comes_to(self, typed: Any) -> str:
        assert isinstance(self.setting.kind, Choice)
        return dict(self.setting.kind.choices)[typed]

    def action_finish(self) -> None:
        """Take the word under the cursor."""
        self.finish()

    def on_words_chosen(self) -> None:
        """Clicked."""
        self.finish()
