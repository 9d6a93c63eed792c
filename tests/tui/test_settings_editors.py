"""The editors of settings: what is typed, what is pasted, what is refused; lists, block lists, logins."""

from __future__ import annotations

from textual import events

from mtatui.screens.editors import ChoiceEditor, Editor, LineEditor, LoginEditor
from mtatui.screens.fields import Field
from mtatui.screens.list_editor import ListEditor, ZonesEditor
from mtatui.screens.settings import SettingsScreen
from mtatui.settings.extensions import COMMON
from mtatui.settings.kinds import Login, Trial, Zone
from tests.tui.hands import Hands, at_settings
from tests.tui.still_settings import StillConfiguration


async def opened(hands: Hands, key: str, editor: type[Editor]) -> None:
    """Open the editor of a setting."""
    hands.settings.list.find(key)
    await hands.press("enter")
    await hands.until(lambda: isinstance(hands.app.screen, editor))
    await hands.pilot.pause()


async def closed(hands: Hands) -> None:
    await hands.until(lambda: isinstance(hands.app.screen, SettingsScreen))


async def paste(hands: Hands, text: str) -> None:
    """What a terminal sends when something is pasted."""
    assert hands.app.focused is not None
    hands.app.focused.post_message(events.Paste(text))
    await hands.pilot.pause()


async def test_a_line_is_checked_while_typing_and_ok_waits_until_it_holds() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.relayhost", LineEditor)
        await hands.press("ctrl+u")
        await hands.type("smtp.example.test:99999")
        assert '✖ there is no port "99999"' in hands.text()
        await hands.press("enter")
        assert isinstance(hands.app.screen, LineEditor)  # what was typed stays
        assert "smtp.example.test:99999" in hands.text()
        await hands.press("backspace", "backspace", "enter")
        await closed(hands)
        assert hands.settings.changing.staged["outbound.relayhost"] == "smtp.example.test:999"


async def test_a_size_shows_what_becomes_of_it() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.message_size_limit", LineEditor)
        await hands.press("ctrl+u")
        await hands.type("25M")
        assert "25M (26,214,400 bytes)" in hands.text()


async def test_what_cannot_stand_in_a_line_is_not_pasted() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.myorigin", LineEditor)
        for text, reason in (
            ("a.test\nrelayhost = evil.test", "these are 2 lines"),
            ("a\x1b[2Jb", "control characters"),
            ("x" * 65536, "too many"),
        ):
            await paste(hands, text)
            assert reason in hands.text()
            assert hands.app.screen.query_one(Field).value == "$myhostname"


async def test_escape_leaves_everything_as_it_was() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.myorigin", LineEditor)
        await hands.type("x")
        await hands.press("escape")
        await closed(hands)
        assert not hands.settings.changing.staged


async def test_a_choice_says_what_each_word_means() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.smtpd_tls_security_level", ChoiceEditor)
        assert "TLS is offered, nobody has to use it" in hands.text()
        await hands.press("down")
        assert "nothing goes without TLS" in hands.text()
        await hands.press("enter")
        await closed(hands)
        assert "encrypt" in hands.line


async def test_a_login_shows_no_password_anywhere() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.relay_login", LoginEditor)
        assert "relay-user" in hands.text()
        await hands.press("tab")
        await hands.type("geheim!")
        assert "geheim" not in hands.text()
        await hands.press("enter")
        await closed(hands)
        assert hands.settings.changing.staged["outbound.relay_login"] == Login("relay-user", "geheim!")
        await hands.press("p")
        await hands.until(lambda: "Review 1 change" in hands.text())
        assert "geheim" not in hands.text()
        assert "s3cret" not in hands.text()


async def test_a_login_keeps_its_password_when_only_the_user_changes_and_both_empty_is_none() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.relay_login", LoginEditor)
        await hands.type("2")
        await hands.press("enter", "enter")
        await closed(hands)
        assert hands.settings.changing.staged["outbound.relay_login"] == Login("relay-user2", "s3cret")
        await opened(hands, "outbound.relay_login", LoginEditor)
        await hands.press("ctrl+u")
        assert "No login" in hands.text()
        await hands.press("tab", "enter")
        await closed(hands)
        assert "outbound.relay_login" in hands.settings.changing.staged
        assert "was relay-user" in hands.line


async def test_extensions_are_normalised_and_the_good_ones_of_a_paste_are_taken() -> None:
    async with at_settings() as hands:
        await opened(hands, "inbound.blocked_extensions", ListEditor)
        await paste(hands, "*.PS1\n.Iso, exe; tar.gz\nno/way\n")
        text = hands.text()
        assert "Took 3" in text
        assert "1 already there" in text
        assert "refused 1" in text
        assert "no/way" in hands.app.screen.query_one(Field).value  # it stays, to be mended
        for word in ("+ ps1", "+ iso", "+ tar.gz"):
            assert word in text
        await hands.press("ctrl+u", "enter")
        await closed(hands)
        assert hands.settings.changing.staged["inbound.blocked_extensions"][-3:] == ("ps1", "iso", "tar.gz")


async def test_a_named_list_is_added_at_once_and_one_is_removed() -> None:
    async with at_settings() as hands:
        await opened(hands, "inbound.blocked_extensions", ListEditor)
        await hands.press("up", "g", "x")  # exe goes
        assert "1 go" in hands.text()
        await hands.press("tab", "enter")  # + commonly blocked: and exe comes back
        assert "Took" in hands.text()
        await hands.press("tab", "tab", "enter")
        await closed(hands)
        assert set(COMMON) < set(hands.settings.changing.staged["inbound.blocked_extensions"])


async def test_escape_asks_once_more_when_a_list_was_worked_on() -> None:
    async with at_settings() as hands:
        await opened(hands, "inbound.blocked_extensions", ListEditor)
        await hands.type("iso")
        await hands.press("enter", "escape")
        assert isinstance(hands.app.screen, ListEditor)
        assert "esc once more" in hands.text()
        await hands.press("escape")
        await closed(hands)
        assert not hands.settings.changing.staged


async def test_networks_are_checked_and_put_in_order() -> None:
    async with at_settings("outbound") as hands:
        await opened(hands, "outbound.mynetworks", ListEditor)
        await hands.type("10.0.0.1/8")
        assert '✖ "10.0.0.1/8" has host bits set' in hands.text()
        await hands.press("enter")
        assert isinstance(hands.app.screen, ListEditor)
        await hands.press("ctrl+u")
        await hands.type("!192.0.2.7")
        await hands.press("enter", "up", "G", "K")  # an exception stands before its network
        await hands.press("enter")
        await closed(hands)
        staged = hands.settings.changing.staged["outbound.mynetworks"]
        assert staged == ("127.0.0.0/8", "[::1]/128", "!192.0.2.7", "192.0.2.0/24")


async def test_block_lists_have_states_an_order_and_a_test() -> None:
    configuration = StillConfiguration()
    async with at_settings(configuration=configuration) as hands:
        await opened(hands, "inbound.reject_rbl_client", ZonesEditor)
        await hands.press("up", "g", "t")
        await hands.until(lambda: "✔ works" in hands.text())
        assert "lists 127.0.0.2 and not 127.0.0.1" in " ".join(hands.text().split())
        await hands.press("j", "t")
        await hands.until(lambda: "✖ does not work" in hands.text())
        await hands.press("space", "K")  # trial becomes enforce, and is asked first
        await hands.press("a")
        await hands.type("list.example.test:trial")
        await hands.press("enter", "enter")
        await closed(hands)
        assert hands.settings.changing.staged["inbound.reject_rbl_client"] == (
            Zone("bl.example.test"),
            Zone("zen.spamhaus.org=127.0.0.[2..11]"),
            Zone("list.example.test", Trial.TRIAL),
        )


async def test_a_block_list_that_is_switched_off_goes_from_the_list() -> None:
    async with at_settings() as hands:
        await opened(hands, "inbound.reject_rbl_client", ZonesEditor)
        await hands.press("up", "g", "space")
        assert "○ off" in hands.text()
        await hands.press("enter")
        await closed(hands)
        assert hands.settings.changing.staged["inbound.reject_rbl_client"] == (
            Zone("bl.example.test", Trial.TRIAL),
        )


async def test_editors_fit_into_a_small_terminal() -> None:
    async with at_settings(size=(80, 24)) as hands:
        for key, editor in (
            ("inbound.blocked_extensions", ListEditor),
            ("inbound.reject_rbl_client", ZonesEditor),
            ("inbound.smtpd_sender_login_maps", LineEditor),
        ):
            await opened(hands, key, editor)
            assert "[ OK ]" in hands.text()
            assert not hands.app.screen.query_one("#body").show_vertical_scrollbar
            assert all(len(line) <= 80 for line in hands.text().splitlines())
            await hands.press("escape")
            await closed(hands)
