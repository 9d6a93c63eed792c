"""Asks for a file with signatures of one's own: one on the machine on which mtatui runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.widget import Widget

from mtatui.backends.filters.databases_read import LARGEST
from mtatui.screens.fields import Field, FieldsDialog, beside
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import Signatures
from mtatui.text import size
from mtatui.widgets.dialog import answer


@dataclass(frozen=True, slots=True)
class Chosen:
    """A file as it was read."""

    name: str
    data: bytes


class NewSignaturesDialog(FieldsDialog[Chosen]):
    """A path; what cannot be a file of signatures is said before it is read."""

    FIRST = "Which file?"

    def __init__(self) -> None:
        super().__init__("Signatures of one's own")

    def body(self) -> ComposeResult:
        yield self.about(
            "A file that ClamAV can load (.ndb, .hdb, .ldb, .yara …). It is loaded on trial before clamd "
            "sees it. What is fetched from a URL stands in the setting."
        )
        yield beside("File ", Field(id="file", hint="/root/local.ndb"))
        yield self.said()

    def answers(self) -> Sequence[Widget]:
        return [answer("Cancel", "cancel"), answer("Look at the plan", "ok")]

    def typed(self) -> tuple[str, int]:
        """The file that is named, and its size."""
        typed = self.in_field("file")
        path = os.path.abspath(os.path.expanduser(typed)) if typed else ""
        Signatures().item(path.rpartition("/")[2])
        if not os.path.isfile(path):
            raise Refused(f"there is no file {path}")
        number = os.path.getsize(path)
        if number > LARGEST:
            raise Refused(f"{size(number)} are too many: up to {size(LARGEST)} are kept for an undo")
        return path, number

    def comes_to(self, typed: tuple[str, int]) -> str:
        path, number = typed
        return f"{path.rpartition('/')[2]}, {size(number)}"

    def answered(self, typed: tuple[str, int], id: str) -> Chosen:
        path, _ = typed
        try:
            with open(path, "rb") as file:
                return Chosen(path.rpartition("/")[2], file.read(LARGEST + 1))
        except OSError as error:
            raise Refused(f"it cannot be read: {error.strerror}") from error

    def entered(self) -> None:
        """Enter is OK, where it holds."""
        self.finish()
