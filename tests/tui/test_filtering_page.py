"""Page 3: what the filters do, read later than what Postfix does; tolerances are moved on their scale."""

from __future__ import annotations

import asyncio

import pytest

from mtatui.backends.host import HostError
from mtatui.screens.editors import ChoiceEditor, Editor, LineEditor
from mtatui.screens.list_editor import ListEditor
from mtatui.screens.probing import ProbingScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.screens.tolerance import Scale, ToleranceEditor
from tests.tui.hands import Hands, at_settings
from tests.tui.still_settings import StillConfiguration

TAG, KILL = "filtering.spam_tag_percent", "filtering.spam_kill_percent"


async def opened(hands: Hands, key: str, editor: type[Editor]) -> None:
    """Open the editor of a setting."""
    hands.settings.list.find(key)
    await hands.press("enter")
    await hands.until(lambda: isinstance(hands.app.screen, editor) and hands.app.focused is not None)
    await hands.pilot.pause()


async def closed(hands: Hands) -> None:
    await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))


async def test_key_3_opens_it_and_each_page_keeps_its_cursor() -> None:
    async with at_settings("outbound") as hands:
        await hands.press("j", "3")
        assert "[Antispam & AV]" in hands.text()
        assert "Prefix for the subject of spam" in hands.line
        await hands.press("j", "2", "3")
        assert "Mail is marked as spam from" in hands.line


async def test_what_postfix_does_is_shown_while_the_filters_are_still_being_read() -> None:
    configuration = StillConfiguration()
    configuration.filters_gate = asyncio.Event()
    async with at_settings("inbound", configuration) as hands:
        assert "● enforce" in hands.text()
        assert "reading …" in hands.text()
        await hands.press("3")
        assert "…" in hands.line
        await hands.press("enter")
        assert "it is still being read" in hands.text()
        assert isinstance(hands.app.screen, SettingsScreen)
        configuration.filters_gate.set()
        await hands.until(lambda: "Low · 33 % = 6.6" in hands.text())
        assert "reading …" not in hands.text()


async def test_what_is_staged_outlives_the_second_half_of_the_reading() -> None:
    configuration = StillConfiguration()
    configuration.filters_gate = asyncio.Event()
    async with at_settings("inbound", configuration) as hands:
        hands.settings.list.find("inbound.smtpd_helo_required")
        await hands.press("space")
        configuration.filters_gate.set()
        await hands.until(lambda: hands.settings.model.whole)
        assert dict(hands.settings.changing.staged) == {"inbound.smtpd_helo_required": False}


async def test_filters_that_cannot_be_read_leave_the_rest_as_it_is() -> None:
    configuration = StillConfiguration()
    configuration.filters_trouble = HostError("amavis says: syntax error at 50-user line 3")
    async with at_settings("inbound", configuration) as hands:
        await hands.until(lambda: "syntax error at 50-user line 3" in hands.text())
        hands.settings.list.find("inbound.smtpd_helo_required")
        await hands.press("space")
        assert "inbound.smtpd_helo_required" in hands.settings.changing.staged
        await hands.press("3")
        assert "?" in hands.line
        await hands.press("enter")
        assert isinstance(hands.app.screen, SettingsScreen)


async def test_a_fault_of_ones_own_is_told_and_nothing_waits_for_ever() -> None:
    configuration = StillConfiguration()
    configuration.filters_trouble = KeyError("conf.d")
    async with at_settings("filtering", configuration) as hands:
        await hands.until(lambda: "mtatui itself has failed: KeyError: 'conf.d'" in hands.text())
        assert "reading …" not in hands.text()


@pytest.mark.parametrize(
    ("keys", "percent"),
    [
        (("right",), 34),
        (("left", "left"), 31),
        (("pageup",), 38),
        (("shift+left",), 28),
        (("down",), 20),
        (("down", "down"), 16),
        (("down", "down", "down"), 16),
        (("down", "down", "up"), 20),
        (("5", "0"), 50),
        (("4", "p"), 20),
        (("1", "2", "up", "right"), 13),
        (("pageup",) * 15, 100),
        (("pagedown",) * 8, 0),
    ],
)
async def test_a_tolerance_is_set_with_the_keyboard_alone(keys: tuple[str, ...], percent: float) -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, TAG, ToleranceEditor)
        await hands.press(*keys)
        await hands.press("enter")
        await closed(hands)
        assert hands.settings.changing.staged[TAG] == percent


async def test_the_scale_follows_the_mark_and_what_cannot_be_leaves_it_where_it_was() -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, TAG, ToleranceEditor)
        assert "tag 6.6 = 33 %" in hands.text()
        assert "kill 15 = 75 %" in hands.text()
        await hands.press("right")
        assert "tag 6.8 = 34 %" in hands.text()
        await hands.type("5x")
        assert "✖" in hands.text()
        assert "tag 1 = 5 %" in hands.text()
        await hands.press("enter")
        assert isinstance(hands.app.screen, ToleranceEditor)
        await hands.press("escape")
        await closed(hands)
        assert not hands.settings.changing.staged


async def test_the_other_mark_stands_where_it_is_staged_and_crossing_it_is_said() -> None:
    async with at_settings("filtering") as hands:
        hands.settings.model.stage(KILL, 50.0)
        await opened(hands, TAG, ToleranceEditor)
        assert "kill 10 = 50 %" in hands.text()
        await hands.type("60")
        assert "! Mail is stopped before it would be marked." in hands.text()


async def test_the_scale_stands_in_the_help_with_what_is_staged() -> None:
    async with at_settings("filtering", size=(80, 24)) as hands:
        hands.settings.model.stage("filtering.spam_destiny", "reject")
        hands.settings.list.find(KILL)
        await hands.pilot.pause()
        await hands.press("right", "down", "down")  # on, in the text
        assert "rejected" in hands.text()
        assert "kill 15 = 75 %" in hands.text()


async def test_the_mouse_and_tab_reach_the_scale_again() -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, TAG, ToleranceEditor)
        await hands.press("tab")
        assert not isinstance(hands.app.focused, Scale)
        await hands.press("shift+tab")
        assert isinstance(hands.app.focused, Scale)


async def test_a_bounce_is_warned_of_before_it_is_chosen() -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, "filtering.spam_destiny", ChoiceEditor)
        assert "Backscatter" not in hands.text()
        await hands.press("j", "j", "j")
        assert "! Backscatter" in hands.text()
        await hands.press("enter")
        await closed(hands)
        assert hands.settings.changing.staged["filtering.spam_destiny"] == "bounce"


async def test_the_prefix_of_subjects_can_be_emptied() -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, "filtering.spam_subject_tag", LineEditor)
        await hands.press("ctrl+u", "enter")
        await closed(hands)
        assert hands.settings.changing.staged["filtering.spam_subject_tag"] == ""
        assert "was [SPAM]" in hands.line


async def test_often_is_warned_of_and_nonsense_refused() -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, "filtering.update_frequency", LineEditor)
        await hands.press("ctrl+u")
        await hands.type("45s")
        assert "every 45 seconds" in hands.text()
        assert "! Public mirrors block" in hands.text()
        await hands.press("ctrl+u")
        await hands.type("45")
        assert "✖" in hands.text()


async def test_mirrors_have_an_order_and_addresses_with_commas_stay_whole() -> None:
    async with at_settings("filtering") as hands:
        await opened(hands, "filtering.database_mirrors", ListEditor)
        await hands.type("https://mirror.example.test/a,b")
        await hands.press("enter")
        assert "Took https://mirror.example.test/a,b" in hands.text()
        await hands.press("up", "K", "enter")
        await closed(hands)
        assert hands.settings.changing.staged["filtering.database_mirrors"] == (
            "https://mirror.example.test/a,b",
            "database.clamav.net",
        )


async def test_a_probe_is_one_key_away() -> None:
    async with at_settings("filtering") as hands:
        await hands.press("P")
        await hands.until(lambda: isinstance(hands.app.screen, ProbingScreen))
        await hands.press("escape")
        await closed(hands)
