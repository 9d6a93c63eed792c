"""The page Inbound on a real Postfix: a check that is enforced gives the reply that the page announces; on
trial the client gets through and the log counts it; off it gets through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from mtatui.settings.catalogue import PAGES
from mtatui.settings.kinds import Restriction, Zones
from tests.stack.names import ELSEWHERE, LISTED, NAMED, NAMELESS, TRUSTED, UNPROVEN
from tests.stack.settings import SettingsInstance, announced
from tests.unit import attachments

pytestmark = pytest.mark.stack

ENFORCE, TRIAL, OFF = "enforce", "trial", "off"


class Strike(NamedTuple):
    """Mail at which one check strikes, and no other: see `SettingsInstance.mail`."""

    check: str
    how: dict[str, Any]
    to: str = "known@here.test"
    value: str = ""
    """What stands before the state in the setting: a block list."""

    @property
    def key(self) -> str:
        """The key of the setting."""
        return f"inbound.{self.check}"

    def assignment(self, state: str) -> str:
        """What one types to have it in a state."""
        if not self.value:
            return f"{self.key}={state}"
        return f"{self.key}={self.value}:{state}" if state != OFF else f"{self.key}="


STRIKES = (
    Strike("reject_sender_login_mismatch", {"sender": "bert@here.test", "login": "anna"}),
    Strike("reject_non_fqdn_sender", {"sender": "user@bare"}),
    Strike("reject_non_fqdn_recipient", {}, to="known@shorthost"),
    Strike("reject_unknown_sender_domain", {"sender": "x@nowhere.test"}),
    Strike("reject_unknown_recipient_domain", {}, to="x@gone.test"),
    Strike("reject_invalid_helo_hostname", {"helo": "un_der..score.test"}),
    Strike("reject_non_fqdn_helo_hostname", {"helo": "bare"}),
    Strike("reject_unknown_helo_hostname", {"helo": "nowhere.test"}),
    Strike("reject_unknown_client_hostname", {"source": ELSEWHERE}),
    Strike("reject_unknown_reverse_client_hostname", {"source": NAMELESS}),
    Strike("reject_rbl_client", {"source": LISTED}, value="bl.test"),
    Strike("reject_rhsbl_client", {"source": NAMED}, value="rc.test"),
    Strike("reject_rhsbl_reverse_client", {"source": UNPROVEN}, value="rr.test"),
    Strike("reject_rhsbl_sender", {"sender": "x@spam.test"}, value="rs.test"),
)
#: This one strikes whoever has no proven name: it goes through its states while the others are in another.
WIDE = "reject_unknown_client_hostname"
#: The states of all others, and of the wide one.
ROUNDS = ((ENFORCE, TRIAL), (TRIAL, OFF), (OFF, ENFORCE), (OFF, OFF))
#: What the wide one turns away when it is enforced.
NAMELESS_ONES = ("reject_unknown_reverse_client_hostname", "reject_rhsbl_reverse_client")


@pytest.fixture(scope="module")
def server() -> Iterator[SettingsInstance]:
    with SettingsInstance() as instance:
        instance.set(f"inbound.smtpd_sender_login_maps=texthash:{instance.config}/owners")
        yield instance


@pytest.fixture(scope="module", params=ROUNDS, ids=lambda states: f"{states[0]},{states[1]}")
def states(request: pytest.FixtureRequest, server: SettingsInstance) -> tuple[str, str]:
    """All checks in a state, the wide one in another: one change of settings for many tests."""
    others, wide = request.param
    server.set(*(strike.assignment(wide if strike.check == WIDE else others) for strike in STRIKES))
    return others, wide


def test_no_check_is_forgotten() -> None:
    checks = {
        setting.key for setting in PAGES["inbound"].settings if type(setting.kind) in (Restriction, Zones)
    }
    assert {strike.key for strike in STRIKES} == checks


@pytest.mark.parametrize("strike", STRIKES, ids=lambda strike: strike.check)
def test_a_check_does_what_its_page_says(
    server: SettingsInstance, states: tuple[str, str], strike: Strike
) -> None:
    others, wide = states
    state = wide if strike.check == WIDE else others
    begun = server.log.stat().st_size
    reply = server.mail(
        strike.how.get("sender", "someone@sender.test"),
        strike.to,
        **{name: value for name, value in strike.how.items() if name != "sender"},
    )
    if wide == ENFORCE and strike.check in NAMELESS_ONES:
        assert announced(f"inbound.{WIDE}").match(reply), reply
        return
    if state == ENFORCE:
        assert announced(strike.key).match(reply), reply
        return
    assert reply.startswith("250 2.0.0 Ok: queued"), reply
    warned = server.warned(begun, reply)
    assert any(announced(strike.key).match(line) for line in warned) == (state == TRIAL), warned


def test_block_lists_are_tried_through_the_resolver_of_the_server(server: SettingsInstance) -> None:
    zones = {
        "bl.test": True,
        "bl.test=127.0.0.[2..11]": True,
        "all.test": False,
        "refusing.test": False,
        "none.test": False,
    }
    told = server.mtatui("settings", "test", *zones, "--json", code=1).stdout
    assert {zone["zone"]: zone["ok"] for zone in json.loads(told)} == zones
    words = {zone["zone"]: zone["text"] for zone in json.loads(told)}
    assert "lists everything" in words["all.test"]
    assert "refuses your resolver (127.255.255.254)" in words["refusing.test"]
    assert server.mtatui("settings", "test", "bl.test").stdout.startswith("✓")


# -- attachments -------------------------------------------------------------------------------------------

#: Where the header of an attachment may stand in a message.
PLACES = {
    "a part": "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=next\n\n--next\n\nLook!\n"
    "--next\n{header}\n\nMZ\n--next--\n",
    "the only part": "MIME-Version: 1.0\nSubject: look\n{header}\n\nMZ\n",
    "a part of a forwarded message": "MIME-Version: 1.0\nContent-Type: message/rfc822\n\n"
    "Subject: look\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=next\n\n"
    "--next\n{header}\n\nMZ\n--next--\n",
}


def message(header: str, place: str) -> bytes:
    return PLACES[place].format(header=header).replace("\n", "\r\n").encode()


@pytest.fixture(scope="module")
def blocking(server: SettingsInstance) -> Iterator[SettingsInstance]:
    server.set("inbound.blocked_extensions=exe tar.gz")
    yield server
    server.set("inbound.blocked_extensions=")
    reply = server.mail(content=message(attachments.REFUSED["quoted"], "a part"))
    assert reply.startswith("250 2.0.0 Ok: queued"), reply


@pytest.mark.parametrize("place", PLACES)
def test_a_blocked_attachment_is_refused_however_its_name_is_written(
    blocking: SettingsInstance, place: str
) -> None:
    refusal = announced("inbound.blocked_extensions")
    with blocking.connect() as client:
        replies = {
            name: blocking.hand_over(client, message(header, place))
            for name, header in attachments.REFUSED.items()
        }
    assert replies.pop("pieces in disorder").startswith("550 5.7.1 names of attachments in disorder")
    assert {name: reply for name, reply in replies.items() if not refusal.match(reply)} == {}


@pytest.mark.parametrize("place", PLACES)
def test_a_harmless_attachment_passes(blocking: SettingsInstance, place: str) -> None:
    with blocking.connect() as client:
        replies = {
            name: blocking.hand_over(client, message(header, place))
            for name, header in attachments.HARMLESS.items()
        }
    assert {name: reply for name, reply in replies.items() if not reply.startswith("250 ")} == {}


def test_the_text_of_a_message_may_speak_of_programs(blocking: SettingsInstance) -> None:
    text = b"Subject: setup.exe\r\n\r\nContent-Disposition: attachment; filename=setup.exe\r\n"
    assert blocking.mail(content=text).startswith("250 2.0.0 Ok: queued")


# -- switches ----------------------------------------------------------------------------------------------


def test_switches_do_what_their_page_says(server: SettingsInstance) -> None:
    keys = ("smtpd_helo_required", "smtpd_reject_unlisted_recipient", "smtpd_reject_unlisted_sender")

    def replies() -> list[str]:
        return [
            server.mail(greets=False),
            server.mail("anna@here.test", "nobody@here.test", source=TRUSTED),
            server.mail("nobody@here.test"),
        ]

    server.set(*(f"inbound.{key}=on" for key in keys))
    for key, reply in zip(keys, replies(), strict=True):
        assert announced(f"inbound.{key}").match(reply), (key, reply)
    assert server.mail(greets=False, port=587).startswith("530"), "its -o says that no greeting is required"
    server.set(*(f"inbound.{key}=off" for key in keys))
    for key, reply in zip(keys, replies(), strict=True):
        assert reply.startswith("250 2.0.0 Ok: queued"), (key, reply)


def test_a_service_that_says_otherwise_is_told(server: SettingsInstance) -> None:
    shown = server.shown("inbound.smtpd_helo_required")["inbound.smtpd_helo_required"]
    [override] = shown["overrides"]
    assert override["service"].endswith(":587")
    assert override["value"] == "no"


def test_who_is_not_logged_in_may_not_use_an_address_that_has_an_owner(server: SettingsInstance) -> None:
    server.set("inbound.reject_sender_login_mismatch=enforce")
    stranger = server.mail("anna@here.test")
    assert "not logged in" in stranger, stranger
    assert stranger.startswith("553 5.7.1 ")
    assert server.mail("anna@here.test", "x@ok.test", login="anna").startswith("250 2.0.0 Ok")
    assert server.mail("anna@here.test", "x@ok.test", source=TRUSTED).startswith("250 2.0.0 Ok")
    server.set("inbound.reject_sender_login_mismatch=off", "inbound.smtpd_sender_login_maps=")
    assert server.mail("anna@here.test").startswith("250 2.0.0 Ok")


def test_an_open_relay_is_closed() -> None:
    # Postfix itself refuses to run without a guard: this one is never reached.
    by_hand = (
        "smtpd_relay_restrictions = permit_mynetworks,\n"
        "  # mine\n  warn_if_reject reject_unauth_destination\n"
        "smtpd_recipient_restrictions = check_recipient_access static:OK, defer_if_permit\n"
    )
    with SettingsInstance(by_hand) as server:
        assert server.mail("x@sender.test", "x@ok.test").startswith("250 2.0.0 Ok")
        assert server.shown()["inbound.reject_unauth_destination"]["value"] == "trial"
        assert "open-relay" in server.mtatui("settings", "lint", "--json", code=1).stdout
        server.set("inbound.reject_unauth_destination=enforce")
        reply = server.mail("x@sender.test", "x@ok.test")
        assert announced("inbound.reject_unauth_destination").match(reply), reply
        assert server.mail("x@sender.test", "x@ok.test", source=TRUSTED).startswith("250 2.0.0 Ok")
        assert server.mail().startswith("250 2.0.0 Ok")
        assert b"  # mine\n" in server.main_cf()
        refused = server.set("inbound.reject_unauth_destination=off", code=2)
        assert "anybody could send" in refused.stderr
