"""Copying something of a message to the clipboard (OSC 52: the terminal decides whether it lets programs)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from textual.app import App

from mtatui.screens.choice import ChoiceScreen, Option
from mtatui.text import clean


def copy_one_of(app: App[Any], facts: Iterable[tuple[str, str]], tell: Callable[[str], None]) -> None:
    """Let the user choose one of these named facts, and copy it; those that are "" are left out."""
    wanted = [Option(label, label, clean(value)) for label, value in facts if value]

    def take(chosen: list[str] | None) -> None:
        if chosen:
            note = next(option.note for option in wanted if option.key == chosen[0])
            app.copy_to_clipboard(note)
            tell(f"{chosen[0]} copied, if the terminal lets programs copy: {note[:60]}")

    app.push_screen(ChoiceScreen("Copy", wanted), take)
