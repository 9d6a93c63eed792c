"""The pages of settings as hands meet them: keys, what is staged, search, palette, what is refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from textual import events

from mtatui.backends.host import HostError
from mtatui.screens.finding import FindScreen
from mtatui.screens.message import MessageScreen
from mtatui.screens.palette import PaletteScreen
from mtatui.screens.queue import QueueScreen
from mtatui.screens.reading import ReadingScreen
from mtatui.screens.settings import SettingsScreen
from mtatui.settings.catalogue import PAGES
from mtatui.settings.kinds import Trial
from mtatui.widgets.dialog import ConfirmDialog
from tests.tui.hands import at_keyboard, at_settings
from tests.tui.still_settings import AUTH_WITHOUT_TLS, OPEN_RELAY, StillConfiguration


@pytest.mark.parametrize("page", ["inbound", "outbound"])
async def test_a_page_shows_every_control_of_the_catalogue_with_its_state(page: str) -> None:
    async with at_settings(page) as hands:
        text = hands.text()
        for setting in PAGES[page].settings:
            assert setting.label in text
            assert setting.section in text
        assert f"[{PAGES[page].label}]" in text.splitlines()[0]


async def test_states_have_a_glyph_and_a_word() -> None:
    async with at_settings() as hands:
        lines = {setting.label: "" for setting in PAGES["inbound"].settings}
        for line in hands.text().splitlines():
            lines |= {label: line for label in lines if line.strip().startswith(label)}
        assert "● enforce" in lines["Sender must be complete"]
        assert "≠ submission" in lines["Sender must be complete"]
        assert "◐ trial" in lines["Client must have a name"]
        assert "○ off" in lines["Greeting must resolve"]
        assert "● on" in lines["A greeting is required"]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("page", ["inbound", "outbound"])
async def test_no_line_is_wider_than_the_terminal(size: tuple[int, int], page: str) -> None:
    async with at_settings(page, size=size) as hands:
        await hands.press("space", "j", "space")
        assert all(len(line) <= size[0] for line in hands.text().splitlines())
        assert "? Help" in hands.text()


async def test_labels_stand_before_the_server_has_answered() -> None:
    configuration = StillConfiguration()
    configuration.gate = asyncio.Event()
    async with at_settings(configuration=configuration) as hands:
        assert "Sender must be complete" in hands.text()
        assert "● enforce" not in hands.text()
        assert "reading" in hands.text().splitlines()[0]
        await hands.press("space")
        await hands.until(lambda: "not answered yet" in hands.text().splitlines()[-1])
        configuration.gate.set()
        await hands.until(lambda: "● enforce" in hands.text())


async def test_the_queue_is_first_and_knows_nothing_of_settings_until_a_page_opens() -> None:
    async with at_keyboard() as hands:
        assert isinstance(hands.app.screen, QueueScreen)
        assert not hands.app.tending.known(hands.app.server)
        await hands.press("1")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.press("4")
        await hands.until(lambda: isinstance(hands.app.screen, QueueScreen))
        assert hands.page.table.has_focus


async def test_the_pages_are_reached_from_a_message_which_stays_open() -> None:
    async with at_keyboard() as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, MessageScreen))
        await hands.press("2")
        await hands.until(lambda: "[Outbound]" in hands.text())
        await hands.press("4")
        await hands.until(lambda: isinstance(hands.app.screen, MessageScreen))


async def test_space_turns_a_restriction_through_its_states_and_back_is_no_change() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.reject_unknown_sender_domain")
        for state in ("◐ trial", "● enforce"):
            await hands.press("space")
            assert state in hands.line
            assert "•" in hands.line
            assert "was off" in hands.line
            assert "1 change staged · p Review" in hands.text().splitlines()[0]
        await hands.press("space")
        assert "○ off" in hands.line
        assert "was" not in hands.line
        assert "staged" not in hands.text().splitlines()[0]


async def test_the_relay_guard_cannot_be_switched_off() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.reject_unauth_destination")
        await hands.press("space")
        assert "● enforce" in hands.line
        assert not hands.settings.changing.staged


async def test_the_text_follows_the_cursor() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.reject_unknown_client_hostname")
        await hands.pilot.pause()
        pane = hands.settings.list.region.width
        text = " ".join(" ".join(line[pane + 1 :] for line in hands.text().splitlines()).split())
        assert "450 4.7.25" in text  # what the sender sees
        assert "careless reverse DNS" in text  # what it costs
        assert "master.cf, line 17" in text  # where it does not hold
        assert "main.cf, line 20" in text  # where it stands
        await hands.until(lambda: "412 would have been refused since" in hands.text())
        await hands.press("k")
        assert "Greeting must resolve" in hands.settings.help_pane.text


async def test_the_text_is_below_where_it_is_narrow_and_can_be_read_to_its_end() -> None:
    async with at_settings(size=(80, 24)) as hands:
        hands.settings.list.find("inbound.reject_sender_login_mismatch")
        await hands.press("right")
        assert hands.settings.help_pane.has_focus
        await hands.press("G")
        assert "postconf(5) reject_sender_login_mismatch" in hands.text()
        await hands.press("escape")
        assert hands.settings.list.has_focus


async def test_the_cursor_stays_in_view_when_the_terminal_becomes_smaller() -> None:
    async with at_settings(size=(80, 40)) as hands:
        await hands.press("end")
        label = hands.settings.setting.label
        await hands.pilot.resize_terminal(80, 24)
        await hands.until(lambda: any(label in line[:40] for line in hands.text().splitlines()))


async def test_in_a_low_terminal_the_list_has_the_room_and_the_text_opens_over_it() -> None:
    async with at_settings(size=(62, 14)) as hands:
        assert "Unknown recipients are refused" in hands.text()
        await hands.press("right")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        assert "550 5.7.1" in hands.text()
        await hands.press("escape", "space")
        await hands.until(lambda: not isinstance(hands.app.screen, SettingsScreen))


async def test_reset_takes_back_one_and_reset_all_asks_when_it_is_many() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.reject_non_fqdn_recipient")
        await hands.press("space", "j", "space", "j", "space", "j", "j", "space")
        assert len(hands.settings.changing.staged) == 4
        await hands.press("x")
        assert len(hands.settings.changing.staged) == 3
        await hands.press("X")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert "Recipient must be complete: ○ off → ◐ trial" in hands.text()
        await hands.press("escape")
        assert len(hands.settings.changing.staged) == 3
        await hands.press("X", "right", "enter")
        await hands.until(lambda: not hands.settings.changing.staged)


async def test_default_stages_what_holds_when_nobody_says_anything() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.smtpd_helo_required")
        await hands.press("D")
        assert "○ off" in hands.line
        assert "was on" in hands.line
        hands.settings.list.find("inbound.smtpd_reject_unlisted_recipient")
        await hands.press("D")
        assert "by default" in hands.text().splitlines()[-1]


async def test_what_is_staged_survives_the_other_page_the_queue_and_a_newer_reading() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        hands.settings.list.find("inbound.reject_unknown_sender_domain")
        await hands.press("space", "2")
        await hands.until(lambda: "[Outbound]" in hands.text())
        await hands.press("j", "space", "4")
        await hands.until(lambda: isinstance(hands.app.screen, QueueScreen))
        reads = configuration.reads
        await hands.press("1")
        await hands.until(lambda: configuration.reads > reads and "2 changes staged" in hands.text())
        assert "◐ trial" in hands.line  # and the cursor is where it was


async def test_somebody_else_changes_what_is_staged_here() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        key = "inbound.reject_unknown_sender_domain"
        hands.settings.list.find(key)
        await hands.press("space")
        configuration._become({key: Trial.ENFORCE})
        await hands.press("R")
        await hands.until(lambda: "Changed by somebody else" in hands.text().splitlines()[-1])
        assert "◐ trial" in hands.line
        assert "was enforce" in hands.line


async def test_search_goes_to_a_setting_of_another_page() -> None:
    async with at_settings() as hands:
        await hands.press("slash")
        await hands.until(lambda: isinstance(hands.app.screen, FindScreen))
        await hands.type("fallback")
        await hands.press("enter")
        await hands.until(lambda: "[Outbound]" in hands.text())
        assert hands.settings.setting.key == "outbound.smtp_fallback_relay"
        assert hands.settings.list.has_focus


async def test_what_is_typed_ahead_of_a_search_meets_what_was_found() -> None:
    async with at_settings() as hands:
        await hands.press("slash")
        await hands.until(lambda: isinstance(hands.app.screen, FindScreen))
        for key in (*"unknown_sender_domain", "enter", "space"):
            name = {"_": "underscore"}.get(key, key)
            char = " " if key == "space" else key if len(key) == 1 else None
            hands.app.post_message(events.Key(name, char))
        await hands.until(lambda: bool(hands.settings.changing.staged))
        assert list(hands.settings.changing.staged) == ["inbound.reject_unknown_sender_domain"]


async def test_a_search_without_a_match_says_so() -> None:
    async with at_settings() as hands:
        await hands.press("slash")
        await hands.type("zzz")
        await hands.until(lambda: "No setting speaks of that" in hands.text())
        await hands.press("enter", "escape")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))


async def test_the_palette_sets_by_key_and_says_what_cannot_be() -> None:
    async with at_settings() as hands:

        async def said(text: str) -> None:
            await hands.press("colon")
            await hands.until(lambda: isinstance(hands.app.screen, PaletteScreen))
            await hands.type(text)
            await hands.press("enter")
            await hands.until(lambda: not isinstance(hands.app.screen, PaletteScreen))
            await hands.pilot.pause()

        await said("set outbound.smtp_helo_name mail.example.test")
        await hands.until(lambda: "[Outbound]" in hands.text())
        assert "mail.example.test" in hands.line
        await said("set outbound.message_size_limit lots")
        assert "is no size" in hands.text().splitlines()[-1]
        await said("set outbound.message_size_limt 10M")
        assert "Meant: outbound.message_size_limit" in hands.text().splitlines()[-1]
        await said("page queue")
        await hands.until(lambda: isinstance(hands.app.screen, QueueScreen))


async def test_the_palette_offers_keys_and_words() -> None:
    async with at_settings() as hands:
        await hands.press("colon")
        await hands.type("set inbound.smtpd_helo")
        await hands.until(lambda: "A greeting is required" in hands.text().splitlines()[-2])
        await hands.press("tab")
        await hands.type("of")
        await hands.press("tab", "enter")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        await hands.pilot.pause()
        assert "○ off" in hands.line
        assert "was on" in hands.line


async def test_a_password_does_not_stay_in_the_palette() -> None:
    async with at_settings() as hands:
        await hands.press("colon")
        await hands.type("set outbound.relay_login=me:geheim")
        await hands.press("enter")
        await hands.until(lambda: "typed in its editor" in hands.text().splitlines()[-1])
        assert not any("geheim" in line for line in PaletteScreen.history)


def test_the_start_imports_nothing_of_settings() -> None:
    program = (
        "import sys, mtatui.app\n"
        "print([m for m in sys.modules if 'mtatui.settings' in m or 'configuration' in m])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_server_that_cannot_be_read_says_why() -> None:
    configuration = StillConfiguration()
    configuration.gate = asyncio.Event()
    async with at_settings(configuration=configuration) as hands:
        configuration.trouble = HostError("main.cf may not be read: Permission denied.")
        configuration.gate.set()
        await hands.until(lambda: "main.cf may not be read" in hands.text().splitlines()[-1])
        assert "no answer" in hands.text().splitlines()[0]
        await hands.press("space")
        assert "main.cf may not be read" in hands.text().splitlines()[-1]
        configuration.trouble = None
        await hands.press("R")
        await hands.until(lambda: "● enforce" in hands.text())


async def test_what_cannot_be_set_here_says_why() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.blocked_extensions_notify_admin")
        await hands.press("space")
        assert "that takes amavis" in hands.text().splitlines()[-1]
        assert "not here" in hands.line


async def test_read_only_greys_and_says_why() -> None:
    configuration = StillConfiguration(why_not="mx1 is open read-only")
    async with at_settings(configuration=configuration) as hands:
        for key in ("space", "enter", "D", "p"):
            await hands.press(key)
            assert "mx1 is open read-only" in hands.text().splitlines()[-1]
        assert not hands.settings.changing.staged
        await hands.press("slash")
        await hands.until(lambda: isinstance(hands.app.screen, FindScreen))


async def test_the_lint_stands_in_the_footer_and_opens() -> None:
    async with at_settings() as hands:
        assert "lint: 1 warning (AUTH without TLS)" in hands.text().splitlines()[-1]
        await hands.press("L")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        assert "passwords cross the network in clear" in hands.text()
        assert "Passwords only over TLS (outbound.smtpd_tls_auth_only)" in hands.text()


async def test_the_gravest_finding_is_named() -> None:
    configuration = StillConfiguration(findings=(AUTH_WITHOUT_TLS, OPEN_RELAY))
    async with at_settings(configuration=configuration) as hands:
        assert "✖ L lint: 2 warnings (open relay)" in hands.text().splitlines()[-1]


async def test_leaving_asks_when_something_is_staged() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.reject_unknown_sender_domain")
        await hands.press("space", "ctrl+q")
        await hands.until(lambda: isinstance(hands.app.screen, ConfirmDialog))
        assert "Sender's domain must exist: ○ off → ◐ trial" in hands.text()
        await hands.press("escape")
        await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))
        assert hands.settings.changing.staged


async def test_the_directive_is_copied() -> None:
    async with at_settings() as hands:
        hands.settings.list.find("inbound.reject_unknown_sender_domain")
        await hands.press("y")
        assert hands.app.clipboard == "reject_unknown_sender_domain"


async def test_help_names_the_keys_and_the_signs() -> None:
    async with at_settings() as hands:
        await hands.press("question_mark")
        await hands.until(lambda: isinstance(hands.app.screen, ReadingScreen))
        assert "Review" in hands.text()
        await hands.press("pagedown")
        assert "warn_if_reject" in hands.text()
