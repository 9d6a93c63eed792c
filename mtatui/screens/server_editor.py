"""Asks for a server: its name, its host as ssh knows it, sudo, tags."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mtatui.config import ServerEntry
from mtatui.screens.editors import Field, beside
from mtatui.text import clean
from mtatui.widgets.dialog import Dialog, answer

if TYPE_CHECKING:
    pass

_YES, _NO = ("yes", "y", "on", "true", "1"), ("", "no", "n", "off", "false", "0")
_ABOUT = (
    "mtatui goes there with the ssh of this machine, with your own configuration, keys and agent. Nothing is "
    "installed on the server. It is checked before it is written down."
)


class ServerDialog(Dialog[ServerEntry]):
    """A server, new or as it is."""

    DEFAULT_CSS = """
    ServerDialog {
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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, title: str, entry: ServerEntry | None, taken: Collection[str]) -> None:
        """``taken``: the names of other servers."""
        super().__init__(title)
        self.entry = entry
        self.taken = taken

    def body(self) -> ComposeResult:
        entry = self.entry or ServerEntry("", "")
        yield Static(Content(_ABOUT), id="about")
        yield beside(
            "Host    ", Field(entry.host, id="host", hint="mx2.example.com, root@mx2, an alias of ssh")
        )
        yield beside("Name    ", Field(entry.name, id="name", hint="made of the host"))
        yield beside("Sudo    ", Field("yes" if entry.sudo else "no", id="sudo"))
        yield beside("Tags    ", Field(" ".join(entry.tags), id="tags", hint="words: inbound berlin"))
        yield beside("Config  ", Field(entry.config_directory, id="config_directory", hint="/etc/postfix"))
        yield Static(Content(""), id="said")

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("Check it", "ok")]

    def on_mount(self) -> None:
        """Judge what is there."""
        self._judge()

    def on_input_changed(self) -> None:
        """Every letter counts."""
        self._judge()

    def on_input_submitted(self, event: Field.Submitted) -> None:
        """Enter goes on: to the next field, and to the answer in the end."""
        last = event.input.id == "config_directory" and not self.query_one("#ok", Button).disabled
        self.set_focus(self.query_one("#ok", Button)) if last else self.focus_next()

    def _judge(self) -> None:
        wrong = ""
        try:
            said = f"It will be called {self._typed().name}."
        except ValueError as error:
            said = wrong = f"✖ {clean(str(error))}"
        if not self._value("host"):
            said, wrong = "Which host?", "nothing is typed yet"
        shown = self.query_one("#said", Static)
        shown.set_class(said.startswith("✖"), "-wrong")
        shown.update(Content(said))
        self.query_one("#ok", Button).disabled = bool(wrong)

    def _value(self, id: str) -> str:
        return self.query_one(f"#{id}", Field).value.strip()

    def _typed(self) -> ServerEntry:
        """What is typed. Raises ValueError: what cannot be."""
        from mtatui.config.schema import server_of

        host, sudo = self._value("host"), self._value("sudo").lower()
        if sudo not in (*_YES, *_NO):
            raise ValueError("Sudo should be yes or no.")
        name = self._value("name") or host.rpartition("@")[2].partition(":")[0]
        tags = self._value("tags").replace(",", " ").split()
        entry = server_of(
            {
                "host": host,
                "name": name,
                "sudo": sudo in _YES,
                "config_directory": self._value("config_directory"),
                "tags": tags,
            }
        )
        if entry.name in self.taken:
            raise ValueError(f"There is a server called {entry.name} already.")
        return entry

    @on(Button.Pressed, "#ok")
    def _agreed(self) -> None:
        try:
            self.dismiss(self._typed())
        except ValueError:
            self._judge()
