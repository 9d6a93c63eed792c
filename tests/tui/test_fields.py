"""Dialogs with fields: what cannot be is said in place, and what was typed stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual import events
from textual.app import App
from textual.widgets import Button, Static

from mtatui.backends.host import Prompt
from mtatui.screens.asking import AskDialog
from mtatui.screens.fields import Field, FieldsDialog
from mtatui.screens.new_key import NewKeyDialog
from mtatui.screens.new_signatures import NewSignaturesDialog
from mtatui.screens.rolling import ProfileDialog
from mtatui.screens.server_editor import ServerDialog

DIALOGS: list[Callable[[], FieldsDialog[Any]]] = [
    lambda: AskDialog(Prompt("mx2", "root@mx2's password:", secret=True)),
    lambda: NewKeyDialog(""),
    NewSignaturesDialog,
    ProfileDialog,
    lambda: ServerDialog("Add a server", None, ()),
]


def said(dialog: FieldsDialog[Any]) -> str:
    return str(dialog.query_one("#said", Static).content)


@pytest.mark.parametrize("make", DIALOGS)
@pytest.mark.parametrize(
    ("pasted", "why"), [("one\ntwo\nthree", "these are 3 lines"), ("a\x1b[2Jb", "control characters")]
)
async def test_a_paste_that_does_not_fit_is_told_of_and_not_taken(
    make: Callable[[], FieldsDialog[Any]], pasted: str, why: str
) -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        dialog = make()
        await app.push_screen(dialog)
        field = dialog.query(Field).first()
        await pilot.press("m", "x")
        field.post_message(events.Paste(pasted))
        await pilot.pause()
        await pilot.pause()
        assert said(dialog).startswith("✖ Not pasted: ")
        assert why in said(dialog)
        assert field.value == "mx"


@pytest.mark.parametrize("make", DIALOGS[1:])
async def test_nothing_is_wrong_while_nothing_is_typed_and_nothing_can_be_answered(
    make: Callable[[], FieldsDialog[Any]],
) -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        dialog = make()
        await app.push_screen(dialog)
        await pilot.pause()
        assert said(dialog).startswith("Which ")
        answers = [button for button in dialog.query(Button) if button.id != "cancel"]
        assert answers
        assert all(button.disabled for button in answers)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is dialog
