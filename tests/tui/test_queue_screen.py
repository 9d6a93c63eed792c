"""The queue page as hands meet it: keys, marks, filter, tree, questions."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.widgets import Input

from mtatui.queue.delta import Rows
from mtatui.queue.index import Index, View
from mtatui.screens.choice import ChoiceScreen
from mtatui.screens.message import MessageScreen
from mtatui.screens.palette import PaletteScreen
from mtatui.screens.queue import QueueScreen
from mtatui.screens.queue_model import Look, QueueModel
from mtatui.screens.reading import ReadingScreen
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import at_keyboard
from tests.tui.still import StillServer


async def test_the_page_shows_counts_and_the_oldest_first() -> None:
    async with at_keyboard() as hands:
        text = hands.text()
        assert "mx1.example.test" in text
        assert "400" in text
        assert "◐ Deferred" in text
        assert "timeout" in text
        assert "▶  33C46214DA3" in text  # the oldest, under the cursor


async def test_the_cursor_does_not_wait_for_a_queue_that_is_being_counted() -> None:
    """Its detail comes when the index has time."""
    async with at_keyboard() as hands:
        detail = hands.page.detail
        before, told = hands.page.table.cursor_id, detail.message
        with hands.page.fleet.index._store.gate.turn():
            await hands.press("j")
            assert hands.page.table.cursor_id != before
            assert detail.message is told
        await hands.until(lambda: detail.message is not told)
        assert detail.message is not None
        assert detail.message.id == hands.page.table.cursor_id


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_no_line_is_wider_than_the_terminal(size: tuple[int, int]) -> None:
    async with at_keyboard(size=size) as hands:
        assert all(len(line) <= size[0] for line in hands.text().splitlines())
        assert "? Help" in hands.text()


async def test_at_80_columns_the_tree_folds_into_the_header() -> None:
    async with at_keyboard(size=(80, 24)) as hands:
        first = hands.text().splitlines()[0]
        assert "◐" in first
        assert "‖" in first
        assert "by reason" not in hands.text()


async def test_a_filter_narrows_with_every_letter_and_a_mistake_keeps_the_list() -> None:
    async with at_keyboard() as hands:
        await hands.press("slash")
        await hands.type("reason:timeout")
        await hands.until(lambda: 0 < len(hands.page.table.source) < 400)
        found = len(hands.page.table.source)
        await hands.type(" (")
        await hands.until(lambda: "✖" in hands.text().splitlines()[1])
        assert len(hands.page.table.source) == found
        await hands.press("escape")
        await hands.until(lambda: len(hands.page.table.source) == 400)


async def test_the_first_that_match_are_there_before_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtatui.queue.index._NEAR", (100, 399))
    counted, view = threading.Event(), Index.view

    def slow(*asked: Any) -> View:
        assert counted.wait(30)
        return view(*asked)

    async with at_keyboard() as hands:
        monkeypatch.setattr(Index, "view", slow)
        await hands.press("slash")
        await hands.type("state:hold")
        await hands.until(lambda: hands.text().count(" held ") == hands.page.table.page)
        assert "56+ of 400" in hands.text().splitlines()[1]
        counted.set()
        await hands.until(lambda: "57 of 400" in hands.text().splitlines()[1])


async def test_a_kept_filter_stays_and_escape_clears_it() -> None:
    async with at_keyboard() as hands:
        await hands.press("slash")
        await hands.type("domain:isp5.test")
        await hands.press("enter")
        await hands.until(lambda: 0 < len(hands.page.table.source) < 400)
        assert hands.page.table.has_focus
        await hands.press("escape")
        await hands.until(lambda: len(hands.page.table.source) == 400)


async def test_marks_survive_sort_and_filter() -> None:
    async with at_keyboard() as hands:
        await hands.press("space", "space", "j", "space")
        marked = set(hands.page.model.marks)
        assert len(marked) == 3
        await hands.press("colon")
        await hands.type("sort size")
        await hands.press("enter")
        await hands.until(lambda: "Size▴" in hands.text())
        await hands.press("slash")
        await hands.type("state:hold")
        await hands.press("enter")
        await hands.until(lambda: len(hands.page.table.source) < 100)
        assert hands.page.model.marks == marked
        assert "3 marked" in hands.text()


async def test_star_marks_all_that_match_and_again_none() -> None:
    async with at_keyboard() as hands:
        await hands.press("slash")
        await hands.type("state:hold")
        await hands.press("enter")
        await hands.until(lambda: len(hands.page.table.source) < 100)
        await hands.press("asterisk")
        await hands.until(lambda: len(hands.page.model.marks) == len(hands.page.table.source))
        await hands.press("asterisk")
        await hands.until(lambda: not hands.page.model.marks)


async def test_a_range_and_an_inversion() -> None:
    async with at_keyboard() as hands:
        await hands.press("space", "j", "j", "V")
        await hands.until(lambda: len(hands.page.model.marks) == 4)
        await hands.press("I")
        await hands.until(lambda: len(hands.page.model.marks) == 396)


async def test_the_cursor_follows_its_message() -> None:
    async with at_keyboard() as hands:
        await hands.press("j", "j", "j")
        under = hands.page.table.cursor_id
        await hands.press("colon")
        await hands.type("sort size")
        await hands.press("enter")
        await hands.until(lambda: "Size▴" in hands.text())
        assert hands.page.table.cursor_id == under


async def test_keys_during_a_look_are_not_undone_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, done, look = threading.Event(), threading.Event(), QueueModel.look

    def slow(*asked: Any) -> Look:
        found = look(*asked)
        looking.set()
        assert done.wait(30)
        return found

    async with at_keyboard() as hands:
        table = hands.page.table
        await hands.press("j")
        monkeypatch.setattr(QueueModel, "look", slow)
        hands.page.look_now()
        await hands.until(looking.is_set)
        await hands.press("j", "j")
        under = table.cursor_id
        index = hands.app.server.index
        index.apply(Rows([["00001", "hold", 1, 1, 1, "", "", "", "", "", "", []]]))  # the oldest of all
        monkeypatch.undo()
        done.set()
        await hands.settled()
        assert table.cursor_id == under
        assert table.cursor == 4


async def test_delete_asks_with_cancel_in_focus_and_does_nothing_when_left() -> None:
    async with at_keyboard() as hands:
        await hands.press("d")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        text = hands.text()
        assert "Delete 1 message" in text
        assert "postsuper -d -" in text
        assert "trash" in text
        assert hands.app.focused is not None
        assert hands.app.focused.id == "cancel"
        await hands.press("enter")
        await hands.until(lambda: "Nothing was done." in hands.text())


async def test_a_large_delete_wants_the_count_typed() -> None:
    async with at_keyboard() as hands:
        await hands.press("asterisk")
        await hands.until(lambda: len(hands.page.model.marks) == 400)
        await hands.press("d")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert "Type 400 to delete" in hands.text()
        button = hands.app.screen.query_one("#act")
        assert button.disabled
        hands.app.screen.query_one(Input).focus()
        await hands.type("399")
        assert button.disabled
        await hands.press("backspace", "backspace", "backspace")
        await hands.type("400")
        await hands.until(lambda: not button.disabled)


async def test_a_key_that_does_not_apply_says_why() -> None:
    async with at_keyboard() as hands:
        await hands.press("l")
        await hands.until(lambda: "only held messages can be released" in hands.text())
        await hands.press("u")
        await hands.until(lambda: "only what is in the trash" in hands.text())


async def test_read_only_refuses_in_words() -> None:
    async with at_keyboard(StillServer(read_only=True)) as hands:
        assert "read-only" in hands.text().splitlines()[0]
        for key in ("h", "d", "r", "F"):
            await hands.press(key)
            await hands.until(lambda: "is open read-only" in hands.text())


async def test_a_facet_becomes_the_filter() -> None:
    async with at_keyboard() as hands:
        await hands.press("tab")
        await hands.until(lambda: not hands.page.table.has_focus)
        hands.page.tree_pane.focus()
        await hands.until(lambda: any("reason=timeout" in node.key for node in hands.page.tree_pane.nodes))
        keys = [node.key for node in hands.page.tree_pane.nodes]
        timeout = next(key for key in keys if key.startswith("value:deferred:") and "timeout" in key)
        hands.page.tree_pane.move_to(keys.index(timeout))
        await hands.press("enter")
        await hands.until(lambda: hands.page.filter_bar.value == "state:deferred reason=timeout")
        await hands.until(lambda: 0 < len(hands.page.table.source) < 400)
        assert hands.page.tree_pane.chosen == timeout


async def test_enter_opens_the_message_and_escape_comes_back() -> None:
    async with at_keyboard() as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, MessageScreen))
        assert "33C46214DA3" in hands.text()
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, QueueScreen))


@pytest.mark.parametrize(
    ("key", "screen"),
    [
        ("question_mark", ReadingScreen),
        ("c", ReadingScreen),
        ("s", ChoiceScreen),
        ("v", ChoiceScreen),
        ("y", ChoiceScreen),
        ("colon", PaletteScreen),
    ],
)
async def test_sheets_open_and_close(key: str, screen: type) -> None:
    async with at_keyboard() as hands:
        await hands.press(key)
        await hands.until(lambda: isinstance(hands.app.screen, screen))
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, QueueScreen))


async def test_the_palette_takes_arguments() -> None:
    async with at_keyboard() as hands:
        await hands.press("colon")
        await hands.type("filter state:active")
        await hands.press("enter")
        await hands.until(lambda: hands.page.filter_bar.value == "state:active")
        await hands.until(lambda: len(hands.page.table.source) < 20)


async def test_columns_can_be_chosen_by_name_and_a_wrong_one_is_refused() -> None:
    async with at_keyboard() as hands:
        await hands.press("colon")
        await hands.type("columns age from state")
        await hands.press("enter")
        await hands.until(lambda: "State" in hands.text() and "Reason" not in hands.text().splitlines()[2])
        await hands.press("colon")
        await hands.type("columns nonsense")
        await hands.press("enter")
        await hands.until(lambda: "No such column: nonsense" in hands.text())


async def test_copy_uses_the_clipboard_of_the_terminal() -> None:
    async with at_keyboard() as hands:
        await hands.press("colon")
        await hands.type("copy ID")
        await hands.press("enter")
        await hands.until(lambda: hands.app.clipboard == "33C46214DA3")


async def test_a_terminal_that_is_too_small_says_so() -> None:
    async with at_keyboard() as hands:
        await hands.pilot.resize_terminal(50, 10)
        await hands.until(lambda: "60" in hands.text() and "12" in hands.text())
