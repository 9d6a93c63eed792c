"""From staged to applied, in hands: review, cautions, steps, outcomes, confirming, taking back, history."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from textual.widgets import Button

from mtatui.backends.applying import Ending
from mtatui.backends.host import HostError
from mtatui.screens.applying import ApplyingScreen
from mtatui.screens.history import HistoryScreen
from mtatui.screens.queue import QueueScreen
from mtatui.screens.reading import ReadingScreen
from mtatui.screens.review import ReviewScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.settings.plan import Caution
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import Hands, at_keyboard, at_settings
from tests.tui.still import StillServer, rows
from tests.tui.still_settings import AUTH_WITHOUT_TLS, ENTRY, NOW, OPEN_RELAY, StillConfiguration

KEY = "inbound.reject_unknown_sender_domain"


async def reviewing(hands: Hands) -> None:
    """Something is staged, and its plan looked at."""
    hands.settings.list.find(KEY)
    await hands.press("space", "p")
    await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
    await hands.pilot.pause()


async def applied(hands: Hands) -> None:
    """It was applied, and came to its end."""
    await hands.until(lambda: isinstance(hands.app.screen, ApplyingScreen))
    screen = hands.app.screen
    assert isinstance(screen, ApplyingScreen)
    await hands.until(lambda: screen.applied is not None)
    await hands.pilot.pause()


async def test_the_review_shows_words_lines_commands_and_the_guard_and_cancel_has_the_focus() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        text = hands.text()
        assert "Review 1 change for mx1.example.test" in text
        assert "nothing has been touched yet" in text
        assert "becomes trial" in text
        assert "+reject_unknown_sender_domain = changed" in text
        assert "postfix -c /etc/postfix reload" in text
        assert "probe 127.0.0.1:587 (submission)" in text
        assert "a guard on the server puts the old configuration back" in text
        assert hands.app.focused is hands.app.screen.query_one("#cancel")
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        assert configuration.applied == []
        assert KEY in hands.settings.changing.staged


async def test_all_three_answers_fit_into_eighty_columns() -> None:
    async with at_settings(size=(80, 24)) as hands:
        await reviewing(hands)
        last = hands.text().splitlines()[-1]
        assert "[ Cancel ]" in last
        assert "[ Apply, keep only if I confirm within 5 min ]" in last


async def test_applying_tells_each_step_and_what_is_applied_is_staged_no_more() -> None:
    configuration = StillConfiguration()
    configuration.hold = asyncio.Event()
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        await hands.press("right", "enter")
        await hands.until(lambda: "▶ reload" in hands.text())
        assert "✔ compare" in hands.text()
        assert "postfix -c /var/spool/postfix/mtatui/stage check" in hands.text()
        assert "[ Stop, go back ]" in hands.text()
        configuration.hold.set()
        await applied(hands)
        assert "✔ Applied." in hands.text()
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        assert "◐ trial" in hands.line
        assert "•" not in hands.line
        assert not hands.settings.changing.staged


async def test_a_grave_caution_wants_a_typed_yes() -> None:
    configuration = StillConfiguration()
    configuration.cautions = (Caution("Everybody could send through this server.", grave=True),)
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        assert "✖ Danger   Everybody could send" in hands.text()
        assert hands.app.screen.query_one("#apply", Button).disabled
        await hands.press("right", "enter")
        assert configuration.applied == []
        if not isinstance(hands.app.screen, ReviewScreen):
            await reviewing(hands)
        await hands.type("yes")
        await hands.press("enter", "enter")
        await applied(hands)
        assert len(configuration.applied) == 1


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending.REFUSED, "Refused; nothing was touched"),
        (Ending.CHANGED, "Somebody changed it meanwhile"),
        (Ending.ROLLED_BACK, "the old configuration is in place again"),
        (Ending.BROKEN, "could not be taken back"),
    ],
)
async def test_whatever_goes_wrong_is_said_and_what_was_typed_stays(ending: Ending, words: str) -> None:
    configuration = StillConfiguration()
    configuration.ending = ending
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        await hands.press("right", "enter")
        await applied(hands)
        assert words in hands.text()
        if ending is Ending.CHANGED:  # both versions are shown
            assert "-myhostname = mx9.example.test" in hands.text()
            assert "+reject_unknown_sender_domain = changed" in hands.text()
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        assert "◐ trial" in hands.line
        assert KEY in hands.settings.changing.staged


async def test_what_could_not_even_be_asked_for_says_why() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        configuration.trouble = HostError("The program that changes settings on mx1 has died.")
        await hands.press("right", "enter")
        await hands.until(lambda: "has died" in hands.text() and "[ Close ]" in hands.text())
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        assert KEY in hands.settings.changing.staged


@pytest.mark.parametrize(("size", "words"), [((120, 40), "✖ open relay"), ((80, 24), "✖ lint")])
async def test_what_is_in_danger_is_shown_on_the_queue_too(
    size: tuple[int, int], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtatui.app.IDLE", 0.05)
    server = StillServer(rows(3))
    server.configuration = StillConfiguration(findings=(AUTH_WITHOUT_TLS, OPEN_RELAY))
    async with at_keyboard(server, messages=3, size=size) as hands:
        await hands.until(lambda: words in hands.text().splitlines()[0])


async def test_what_waited_before_the_start_is_shown(
    stopped_clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtatui.app.IDLE", 0.05)
    configuration = StillConfiguration()
    configuration.entries = [replace(ENTRY, outcome=Ending.AWAITING, until=NOW + 90.0)]
    server = StillServer(rows(3))
    server.configuration = configuration
    async with at_keyboard(server, messages=3) as hands:
        await hands.until(lambda: "keep? 1:30 · Y" in hands.text().splitlines()[0])
        await hands.press("Y")
        await hands.until(lambda: "Confirmed" in hands.text().splitlines()[-1])


async def test_a_fault_of_our_own_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = StillConfiguration()
    monkeypatch.setattr(configuration, "_become", None)
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        await hands.press("right", "enter")
        await hands.until(lambda: "mtatui itself has failed" in hands.text() and "[ Close ]" in hands.text())


async def test_what_runs_can_be_stopped() -> None:
    configuration = StillConfiguration()
    configuration.hold = asyncio.Event()
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        await hands.press("right", "enter")
        await hands.until(lambda: "▶ reload" in hands.text())
        await hands.press("escape")
        await applied(hands)
        assert "Rolled back" in hands.text()


async def test_a_plan_that_cannot_be_says_why() -> None:
    async with at_settings("outbound") as hands:
        hands.settings.list.find("outbound.mydomain")
        hands.settings.model.stage("outbound.mydomain", "refused.test")
        await hands.press("p")
        await hands.until(lambda: "nobody may be called that" in hands.text())


async def test_nothing_staged_is_said() -> None:
    async with at_settings() as hands:
        await hands.press("p")
        assert "nothing is staged" in hands.text().splitlines()[-1]


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands until somebody moves it."""
    now = [float(NOW)]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


async def awaiting(hands: Hands) -> None:
    """Applied, to be confirmed."""
    await reviewing(hands)
    await hands.press("right", "right", "enter")
    await applied(hands)
    assert "waits for you" in hands.text()
    await hands.press("enter")
    await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))


async def test_what_waits_counts_down_on_every_page_and_is_kept_with_a_key(
    stopped_clock: list[float],
) -> None:
    async with at_settings() as hands:
        await awaiting(hands)
        assert "keep? 5:00 · Y" in hands.text().splitlines()[0]
        await hands.press("4")
        await hands.until(lambda: isinstance(hands.app.screen, QueueScreen))
        stopped_clock[0] += 61
        await hands.until(lambda: "keep? 3:59 · Y" in hands.text().splitlines()[0])
        await hands.press("Y")
        await hands.until(lambda: "Confirmed" in hands.text().splitlines()[-1])
        assert "keep?" not in hands.text()


async def test_what_nobody_confirms_is_staged_again(stopped_clock: list[float]) -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        await awaiting(hands)
        assert not hands.settings.changing.staged
        configuration.values = configuration._before
        stopped_clock[0] += 310
        await hands.until(lambda: "Nobody confirmed it" in hands.text().splitlines()[-1])
        assert KEY in hands.settings.changing.staged
        assert "was off" in hands.line


async def test_what_waits_can_be_taken_back_at_once(stopped_clock: list[float]) -> None:
    async with at_settings() as hands:
        await reviewing(hands)
        await hands.press("right", "right", "enter")
        await applied(hands)
        await hands.press("right", "right", "enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.until(lambda: "Taken back" in hands.text().splitlines()[-1])
        assert "keep?" not in hands.text()
        assert KEY in hands.settings.changing.staged


async def test_leaving_waits_for_what_is_being_applied() -> None:
    configuration = StillConfiguration()
    configuration.hold = asyncio.Event()
    async with at_settings(configuration=configuration) as hands:
        await reviewing(hands)
        await hands.press("right", "enter")
        await hands.until(lambda: "▶ reload" in hands.text())
        await hands.press("ctrl+q")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert "still running" in hands.text()
        configuration.hold.set()
        await hands.press("escape")
        await applied(hands)


async def test_one_key_leads_back_from_the_last_change() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        await hands.press("z")
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        await hands.press("right", "enter")
        await applied(hands)
        assert configuration.applied[0].undoes == configuration.entries[0].id
        configuration.entries.clear()
        await hands.press("enter", "z")
        await hands.until(lambda: "no change of settings to take back" in hands.text())


async def test_the_history_shows_who_what_and_what_came_of_it_and_leads_back() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        await hands.press("H")
        await hands.until(lambda: isinstance(hands.app.screen, HistoryScreen))
        await hands.until(lambda: "alice" in hands.text())
        assert "A greeting is required: off → on" in hands.text()
        assert "✔ applied" in hands.text()
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        assert "+smtpd_helo_required = yes" in hands.text()
        await hands.press("escape", "z")
        await hands.until(lambda: isinstance(hands.app.screen, ReviewScreen))
        assert "Review 1 change" in hands.text()
        await hands.press("right", "enter")
        await applied(hands)
        assert configuration.applied[0].undoes == configuration.entries[0].id
        await hands.press("enter", "escape")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
