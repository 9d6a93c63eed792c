"""What the page says where a person could be misled: the trash, mistakes, long questions, the unknown."""

from __future__ import annotations

from contextlib import closing

import pytest

from mtatui.app import MtatuiApp
from mtatui.backends.postfix.feed import PostqueueFeed
from mtatui.config import Config
from mtatui.live import Feed
from mtatui.queue.message import Message, State
from mtatui.queue.selection import Outcome, Receipt, Result
from mtatui.screens.acting import story
from mtatui.screens.message_text import sender
from mtatui.screens.palette import PaletteScreen
from mtatui.screens.reading import ReadingScreen, Sheet
from mtatui.widgets import notice
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands, at_keyboard
from tests.tui.still import StillServer


async def test_an_empty_list_names_the_filter_that_empties_it() -> None:
    async with at_keyboard() as hands:
        await hands.press("slash")
        await hands.type("zzz from")
        await hands.until(lambda: "No message matches zzz from" in hands.text())
        await hands.type(":")
        await hands.until(lambda: "✖ from: needs a value" in hands.text())
        assert "No message matches zzz from" in hands.text(), "the list still is that of what was well formed"


async def test_the_trash_is_counted_by_itself_and_offers_what_applies_there() -> None:
    async with at_keyboard() as hands:
        await hands.press("T")
        await hands.until(lambda: hands.page.model.state is State.TRASH)
        await hands.settled()
        first, *_, last = hands.text().splitlines()[1:]
        assert "in the trash" in first
        assert " of 400" not in first
        assert "u Restore" in last
        assert "d Delete" not in last


async def test_a_word_that_is_no_action_is_said_to_be_none() -> None:
    async with at_keyboard() as hands:
        await hands.press("colon")
        await hands.type("hodl")
        await hands.press("enter")
        assert isinstance(hands.app.screen, PaletteScreen)
        assert "No action is called that" in hands.text()


async def test_a_verb_with_an_id_after_it_does_not_act_on_another_message() -> None:
    async with at_keyboard() as hands:
        await hands.press("colon")
        await hands.type("hold 39B8DA804F9")
        await hands.press("enter")
        await hands.until(lambda: ":hold takes nothing after it" in hands.text())
        assert hands.app.acting.last is None
        assert not hands.app.working


async def test_many_messages_are_looked_at_while_keys_go_on() -> None:
    async with at_keyboard() as hands:
        await hands.press("asterisk")
        await hands.until(lambda: len(hands.page.model.marks) == 400)
        await hands.press("h")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert hands.app.acting.running == "", "a question that stands open holds nobody up"
        await hands.press("escape")
        await hands.until(lambda: "Nothing was done." in hands.text())


async def test_sheets_fit_a_narrow_terminal() -> None:
    async with at_keyboard(size=(80, 24)) as hands:
        await hands.press("question_mark")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        sheet = hands.app.screen.query_one(Sheet)
        assert sheet.lines
        assert all(sum(len(text) for text, _ in line) <= sheet.size.width for line in sheet.lines)


def test_what_was_not_begun_did_not_fail() -> None:
    done = Receipt("ABC00001", Result.DONE, "deleted")
    not_begun = Receipt("ABC00002", Result.FAILED, "not done: cancelled before its turn")
    text, severity = story(Outcome("delete", 0.0, [done, not_begun], cancelled=True))
    assert "1 not done" in text
    assert "failed" not in text
    assert severity == "warning"


def test_a_file_that_cannot_be_read_has_no_null_sender() -> None:
    unreadable = Message("ABC00001", State.CORRUPT, 0, 23, 0, "")
    assert "<>" not in sender(unreadable)
    assert "<>" in sender(Message("ABC00002", State.DEFERRED, 1, 23, 1, ""))


class LimitedServer(StillServer):
    """What an ordinary user sees."""

    def feed(self) -> Feed:
        feed = super().feed()
        feed.limits = PostqueueFeed.limits
        return feed


async def test_what_cannot_be_known_is_said_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "STAYS", 3.0)
    server = LimitedServer()
    app = MtatuiApp(server, Config())
    with closing(server):
        async with app.run_test(size=(80, 24)) as pilot:
            hands = Hands(app, pilot)  # from the first moment on: what is said for a while may soon be gone
            await hands.until(lambda: "Without root: retry times" in hands.text())
            await hands.until(lambda: "no root" in hands.text().splitlines()[0])
            # It was heard in the live thread: a timer with that thread's context would know no app.
            await hands.until(lambda: "? Help" in hands.text())
