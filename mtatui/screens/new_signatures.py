"""Asks for a file with signatures of one's own: one on the machine on which mtatui runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from mtatui.backends.filters.databases_read import LARGEST
from mtatui.screens.editors import Field, beside
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import Signatures
from mtatui.text import clean, size
from mtatui.widgets.dialog import Dialog, answer


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file as it was read."""

    name: str
    data: bytes


class NewSignaturesDialog(Dialog[Chosen]):
    """A path; what cannot be a file of signatures is said before it is read."""

    DEFAULT_CSS = """
    NewSignaturesDialog {
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

    def __init__(self) -> None:
        super().__init__("Signatures of one's own")

    def body(self) -> ComposeResult:
        about = (
            "A file that ClamAV can load (.ndb, .hdb, .ldb, .yara …). It is loaded on trial before clamd "
            "sees it. What is fetched from a URL stands in the setting."
        )
        yield Static(Content(about), id="about")
        yield beside("File ", Field(hint="/root/local.ndb"))
        yield Static(Content(""), id="said")

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("Look at the plan", "ok", disabled=True)]

    def on_input_changed(self) -> None:
        """Say what it is, or why it cannot be one."""
        try:
            path, number = self._path()
        except Refused as refused:
            self._say(f"✖ {refused}." if self.query_one(Field).value else "", wrong=True)
        else:
            self._say(f"{path.rpartition('/')[2]}, {size(number)}", wrong=False)

    def _say(self, text: str, *, wrong: bool) -> None:
        said = self.query_one("#said", Static)
        said.set_class(wrong, "-wrong")
        said.update(Content(clean(text)))
        self.query_one("#ok", Button).disabled = wrong

    def _path(self) -> tuple[str, int]:
        """The file that is named, and its size.

        Raises:
            Refused: it cannot be one.
        """
        typed = self.query_one(Field).value.strip()
        path = os.path.abspath(os.path.expanduser(typed)) if typed else ""
        Signatures().item(path.rpartition("/")[2])
        if not os.path.isfile(path):
            raise Refused(f"there is no file {path}")
        number = os.path.getsize(path)
        if number > LARGEST:
            raise Refused(f"{size(number)} are too many: up to {size(LARGEST)} are kept for an undo")
        return path, number

    def on_input_submitted(self) -> None:
        """Enter is OK, where it holds."""
        self._agreed()

    @on(Button.Pressed, "#ok")
    def _agreed(self) -> None:
        try:
            path, _ = self._path()
            with open(path, "rb") as file:
                data = file.read(LARGEST + 1)
        except Refused:
            return  # it is said already
        except OSError as error:
            self._say(f"✖ it cannot be read: {error.strerror}.", wrong=True)
            return
        self.dismiss(Chosen(path.rpartition("/")[2], data))
