"""The message screen as a person uses it: sections, search, saving, copying, hostile mail."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from mtatui.queue.message import State
from mtatui.screens.message import FIRST_LOOK, MessageScreen
from mtatui.widgets.text_view import TextView
from tests.tui.message_bench import (
    ID,
    MESSAGE,
    NOW,
    RAW,
    Bench,
    Source,
    extent,
    open_at,
    rows,
    settled,
    status,
)


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine must not change how long it is until the next attempt."""
    monkeypatch.setattr(time, "time", lambda: float(NOW))


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    chosen: tuple[int, int] = request.param
    return chosen


async def test_every_section_shows_its_content_and_no_control_byte(size: tuple[int, int]) -> None:
    async with Bench(Source()).run_test(size=size) as pilot:
        await settled(pilot)
        expected = {
            "E": [
                "◐ deferred",
                "next try in 18m",
                "user40@uni3.test",
                "452 mailbox full",
                "was boss@gmail0.test",
            ],
            "H": ["Zöe", "<u@uni3.test>", "pay", "[/x]", "Received", "from a by b"],
            "A": ["multipart/mixed", "bill.zip", "application/zip", "4 B"],
            "B": ["Dear [bold]you[/bold]", "needle here", "attachment:"],
            "W": ["UEsDBA==", "Content-Transfer-Encoding: base64"],
            "C": ["message_size: 681"],
            "L": ["arrived", "deferred", "07:12:31", "(timed out)"],
        }
        for key, wanted in expected.items():
            shown = await open_at(pilot, key)
            whole = shown + pilot.app.screen.query_one(TextView).text
            for words in wanted:
                assert words.strip("()") in whole, (key, words)
            assert all(c.isprintable() or c == "\n" for c in shown), key
            assert ID in shown


async def test_tab_walks_through_the_sections_and_back() -> None:
    async with Bench(Source()).run_test() as pilot:
        await pilot.press("tab")
        await settled(pilot)
        assert "all headers" in rows(pilot.app)
        await pilot.press(*["shift+tab"] * 3)
        await settled(pilot)
        assert "timed out" in rows(pilot.app)


async def test_content_is_read_once_and_only_on_demand() -> None:
    source = Source()
    async with Bench(source).run_test() as pilot:
        await settled(pilot)
        assert source.asked == []
        for key in "HBWA":
            await open_at(pilot, key)
        assert source.asked == [("content", ID, FIRST_LOOK)]


async def test_while_it_reads_it_says_so_and_keys_work() -> None:
    source = Source()
    source.gate.clear()
    async with Bench(source).run_test() as pilot:
        await pilot.press("B")
        await pilot.pause()
        assert extent(pilot.app) == "reading…"
        await pilot.press("E")
        assert "user40@uni3.test" in rows(pilot.app)
        source.gate.set()
        assert "needle here" in await open_at(pilot, "B")


async def test_a_long_message_is_shown_to_a_limit_and_further_on_demand() -> None:
    raw = b"Subject: long\n\n" + b"x" * 60 + b"\n" + b"all work and no play\n" * 50_000 + b"the very end\n"
    source = Source(raw)
    source.messages[ID] = replace(MESSAGE, size=len(raw))
    async with Bench(source).run_test() as pilot:
        await open_at(pilot, "B")
        assert extent(pilot.app) == "first 256 K of about 1.0 M; m for more"
        await pilot.press("G")
        assert "the very end" not in rows(pilot.app)
        await open_at(pilot, "m")
        assert extent(pilot.app) == ""
        await pilot.press("G")
        assert "the very end" in rows(pilot.app)
        await pilot.press("m")
        assert status(pilot.app) == "This is all of it."


async def test_search_goes_to_the_place_and_on() -> None:
    raw = b"Subject: x\n\n" + b"line\n" * 500 + b"a Needle\n" + b"line\n" * 500 + b"needle two\n"
    async with Bench(Source(raw)).run_test() as pilot:
        await open_at(pilot, "B")
        await pilot.press("slash", *"needle", "enter")
        assert "a Needle" in rows(pilot.app)
        await pilot.press("n")
        assert "needle two" in rows(pilot.app)
        await pilot.press("n")
        assert "a Needle" in rows(pilot.app)
        await pilot.press("N")
        assert "needle two" in rows(pilot.app)
        await pilot.press("slash", *"nowhere", "enter")
        assert status(pilot.app) == "! Not found."
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MessageScreen)


async def test_what_wraps_is_found_too() -> None:
    raw = b"Subject: x\n\n" + b"\n" * 100 + b"word " * 30 + b"straddling words" + b" word" * 30
    async with Bench(Source(raw)).run_test(size=(80, 24)) as pilot:
        await open_at(pilot, "B")
        for text in ("word straddling words word", "wordstr"):
            await pilot.press("g", "slash", *[{" ": "space"}.get(c, c) for c in text], "enter")
            found = "Not found" not in status(pilot.app)
            assert found == (text != "wordstr")


async def test_next_and_previous_message_keep_the_section() -> None:
    async with Bench(Source()).run_test() as pilot:
        await open_at(pilot, "B")
        shown = await open_at(pilot, "J")
        assert "4AAAAAAAAAA" in shown
        assert "<> (a notification" in shown
        assert "needle here" in shown
        await pilot.press("J")
        assert "last message" in status(pilot.app)
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.left_at == "4AAAAAAAAAA"  # type: ignore[attr-defined]  # Bench has it


async def test_verbs_are_handed_to_the_app() -> None:
    app = Bench(Source())
    async with app.run_test() as pilot:
        await pilot.press("h", "d")
        await pilot.pause()
        assert app.chosen == [("hold", (ID,)), ("delete", (ID,))]


async def test_a_message_that_leaves_is_said_calmly_and_stays_readable() -> None:
    source = Source()
    app = Bench(source)
    async with app.run_test() as pilot:
        await open_at(pilot, "B")
        del source.messages[ID]
        screen = app.screen
        assert isinstance(screen, MessageScreen)
        screen.queue_changed()
        await pilot.pause()
        shown = rows(app)
        assert "not in the queue any more" in shown
        assert "needle here" in shown
        await pilot.press("d")
        assert app.chosen == []
        assert "nothing to do" in status(app)
        await open_at(pilot, "m")
        await open_at(pilot, "C")
        assert "user40@uni3.test" in await open_at(pilot, "E")


async def test_what_cannot_be_read_is_said_in_words_and_tried_again() -> None:
    source = Source()
    async with Bench(source).run_test() as pilot:
        await pilot.press("J")
        shown = await open_at(pilot, "L")
        assert "No mail log on mx1: looked for [/var/log/mail.log]." in shown
        del source.messages["4AAAAAAAAAA"]
        assert "4AAAAAAAAAA is not in the queue any more." in await open_at(pilot, "W")
        source.messages["4AAAAAAAAAA"] = MESSAGE
        await open_at(pilot, "E")
        assert "UEsDBA==" in await open_at(pilot, "W")


async def test_saving_writes_the_whole_message_for_the_users_eyes_only(tmp_path: Path) -> None:
    raw = RAW + b"y" * FIRST_LOOK
    async with Bench(Source(raw)).run_test() as pilot:
        await pilot.press("S")
        field = pilot.app.screen.query_one(Input)
        assert field.value == f"~/{ID}.eml"
        field.value = str(tmp_path / "none" / "x.eml")
        await pilot.press("enter")
        await settled(pilot)
        assert "No such file or directory" in status(pilot.app)
        assert field.value == str(tmp_path / "none" / "x.eml")
        field.value = str(tmp_path / "x.eml")
        await pilot.press("enter")
        await settled(pilot)
        assert status(pilot.app).startswith(
            f"Saved {len(raw):,} bytes, readable by you only: {tmp_path}"[:60]
        )
        assert (tmp_path / "x.eml").read_bytes() == raw
        assert stat.S_IMODE((tmp_path / "x.eml").stat().st_mode) == 0o600


async def test_saving_never_overwrites_unasked(tmp_path: Path) -> None:
    there = tmp_path / "there.eml"
    there.write_text("mine")
    async with Bench(Source()).run_test() as pilot:
        await pilot.press("S")
        field = pilot.app.screen.query_one(Input)
        field.value = str(there)
        await pilot.press("enter")
        await settled(pilot)
        assert there.read_text() == "mine"
        assert "overwrites it" in status(pilot.app)
        await pilot.press("escape", "S")
        field.value = str(there)
        await pilot.press("enter")
        await settled(pilot)
        assert there.read_text() == "mine"
        await pilot.press("enter")
        await settled(pilot)
        assert there.read_bytes() == RAW
        assert os.listdir(tmp_path) == ["there.eml"]
        await pilot.press("S")
        field.value = str(tmp_path)
        await pilot.press("enter")
        await settled(pilot)
        assert "That is a directory" in status(pilot.app)


async def test_what_lies_in_the_trash_can_only_be_restored() -> None:
    source = Source()
    async with Bench(source).run_test(size=(120, 40)) as pilot:
        assert "d Delete" in status(pilot.app)
        assert "Restore" not in status(pilot.app)
        await pilot.press("J")
        source.messages["4AAAAAAAAAA"] = replace(MESSAGE, id="4AAAAAAAAAA", state=State.TRASH)
        await pilot.press("K", "J")
        assert "u Restore" in status(pilot.app)
        assert "Delete" not in status(pilot.app)


async def test_footer_and_help_name_the_keys_as_they_are_bound() -> None:
    app = Bench(Source())
    async with app.run_test(size=(120, 40)) as pilot:
        app.set_keymap({"hold": "x", "more": "ctrl+m"})
        await pilot.press("tab", "E")
        await settled(pilot)
        assert "x Hold" in status(app)
        assert status(app).endswith("? Help")
        await pilot.press("question_mark")
        await pilot.pause()
        shown = rows(app)
        assert re.search(r"x +Hold", shown)
        assert re.search(r"\^m +More", shown)
        assert re.search(r"tab right +Section", shown)
        await pilot.press("escape", "x")
        await pilot.pause()
        assert app.chosen == [("hold", (ID,))]


async def test_copying_offers_the_fields_of_the_message() -> None:
    app = Bench(Source())
    async with app.run_test() as pilot:
        await pilot.press("y", "enter")
        await pilot.pause()
        assert app.clipboard == ID
        await pilot.press("y", "down", "enter")
        await pilot.pause()
        assert app.clipboard == "user40@uni3.test"
        assert re.match(r"sender copied", status(app))


async def test_a_message_of_fifteen_megabytes_opens_and_turns_its_pages() -> None:
    lines = b"".join(b"%076d\n" % n for n in range(200_000))
    source = Source(b"Subject: big\n\n" + lines)
    async with Bench(source).run_test(size=(120, 40)) as pilot:
        await open_at(pilot, "W")
        await open_at(pilot, "m")
        await open_at(pilot, "m")
        await pilot.press("G", "pageup")
        view = pilot.app.screen.query_one(TextView)
        assert view.line_count() == 200_002
        assert f"{200_000 - 2 * view.page:076d}" in rows(pilot.app)
