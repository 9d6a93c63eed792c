"""Asks for a server: its name, its host as ssh knows it, sudo, tags."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Button

from mtatui.config import ServerEntry
from mtatui.screens.fields import UP_AND_DOWN, Field, FieldsDialog, beside
from mtatui.settings.kinds import Refused
from mtatui.widgets.dialog import answer

_YES, _NO = ("yes", "y", "on", "true", "1"), ("", "no", "n", "off", "false", "0")
_ABOUT = (
    "mtatui goes there with the ssh of this machine, with your own configuration, keys and agent. Nothing is "
    "installed on the server. It is checked before it is written down."
)


class ServerDialog(FieldsDialog[ServerEntry]):
    """A server, new or as it is."""

    BINDINGS = UP_AND_DOWN
    FIRST = "Which host?"

    def __init__(self, title: str, entry: ServerEntry | None, taken: Collection[str]) -> None:
        """``taken``: the names of other servers."""
        super().__init__(title)
        self.entry = entry
        self.taken = taken

    def body(self) -> ComposeResult:
        entry = self.entry or ServerEntry("", "")
        yield self.about(_ABOUT)
        yield beside(
            "Host    ", Field(entry.host, id="host", hint="mx2.example.com, root@mx2, an alias of ssh")
        )
        yield beside("Name    ", Field(entry.name, id="name", hint="made of the host"))
        yield beside("Sudo    ", Field("yes" if entry.sudo else "no", id="sudo"))
        yield beside("Tags    ", Field(" ".join(entry.tags), id="tags", hint="words: inbound berlin"))
        yield beside("Config  ", Field(entry.config_directory, id="config_directory", hint="/etc/postfix"))
        yield self.said()

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("Check it", "ok")]

    def typed(self) -> ServerEntry:
        from mtatui.config.schema import server_of

        host, sudo = self.in_field("host"), self.in_field("sudo").lower()
        if sudo not in (*_YES, *_NO):
            raise Refused("Sudo should be yes or no")
        written = {
            "host": host,
            "name": self.in_field("name") or made_of(host),
            "sudo": sudo in _YES,
            "config_directory": self.in_field("config_directory"),
            "tags": self.in_field("tags").replace(",", " ").split(),
        }
        try:
            entry = server_of(written)
        except ValueError as error:
            raise Refused(str(error)) from error
        if entry.name in self.taken:
            raise Refused(f"There is a server called {entry.name} already")
        return entry

    def comes_to(self, typed: ServerEntry) -> str:
        return f"It will be called {typed.name}."

    def answered(self, typed: ServerEntry, id: str) -> ServerEntry:
        return typed

    def entered(self) -> None:
        """Enter in the last field goes to the answer at once: a check changes nothing."""
        check = self.query_one("#ok", Button)
        if self.focused is self.query(Field).last() and not check.disabled:
            check.focus()
        else:
            self.focus_next()


def made_of(host: str) -> str:
    """A name made of a host as ssh takes it; an address has signs that a name cannot have."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", host.rpartition("@")[2]).strip("-.")
