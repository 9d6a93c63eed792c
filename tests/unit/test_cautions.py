"""What a plan warns of, in the words of the person who would have to live with it."""

from __future__ import annotations

from typing import Any

import pytest

from mtatui.backends import planning
from mtatui.settings.kinds import Login, Refused, Trial
from mtatui.settings.plan import Plan
from tests.unit import configured

TLS = "smtpd_tls_cert_file = /etc/ssl/mail.pem\nsmtpd_tls_security_level = may\n"


def plan(main: str, master: str = configured.MASTER, /, **changes: Any) -> Plan:
    reading = configured.reading(configured.source(configured.MAIN + main, master))
    return planning.plan(reading, {key.replace("__", ".", 1): value for key, value in changes.items()})


def grave(found: Plan) -> str:
    return "\n".join(caution.text for caution in found.grave)


def mild(found: Plan) -> str:
    return "\n".join(caution.text for caution in found.cautions if not caution.grave)


def test_what_harms_nobody_is_not_warned_of() -> None:
    main = TLS + "smtpd_tls_auth_only = yes\n"
    assert (
        plan(main, inbound__smtpd_helo_required=True, outbound__message_size_limit=30_000_000).cautions == ()
    )


def test_users_who_could_no_longer_log_in() -> None:
    master = configured.MASTER.replace("  -o smtpd_sasl_auth_enable=yes\n", "")
    text = grave(plan(TLS + "smtpd_sasl_auth_enable = yes\n", master, outbound__smtpd_sasl_auth_enable=False))
    assert "Nobody can authenticate at smtp, submission any more" in text


def test_authentication_that_is_required_of_everybody() -> None:
    assert "printers, scripts" in grave(plan(TLS, outbound__require_authentication=True))
    master = "smtp inet n - y - - smtpd\n"
    assert "No service offers AUTH" in grave(plan("", master, outbound__require_authentication=True))


def test_port_25_that_wants_tls_of_everybody() -> None:
    found = plan(TLS, outbound__smtpd_tls_security_level="encrypt")
    assert "Port 25 takes no mail from servers without TLS" in grave(found)
    master = configured.MASTER.replace(
        "smtpd\nsubmission", "smtpd\n  -o smtpd_tls_security_level=may\nsubmission"
    )
    assert "Port 25" not in grave(plan(TLS, master, outbound__smtpd_tls_security_level="encrypt"))


def test_names_that_stand_for_nothing_or_for_themselves() -> None:
    assert "$nobody is set nowhere" in mild(plan("", outbound__smtp_helo_name="$nobody"))
    assert "$myorigin stands for itself" in grave(plan("", outbound__myorigin="$myorigin"))
    assert plan("", outbound__relayhost="$mydomain").cautions == ()
    assert "set nowhere" not in mild(plan("relayhost = $nobody\n", outbound__smtp_helo_name="a.example"))


def test_messages_for_which_there_must_be_room() -> None:
    assert "less than 15.0 GiB free" in grave(plan("", outbound__message_size_limit=10 * 2**30))
    assert grave(plan("", outbound__message_size_limit=100 * 2**20)) == ""


def test_own_networks_that_would_need_a_login() -> None:
    owners = "smtpd_sender_login_maps = texthash:/etc/owners\n"
    bare = owners + "smtpd_sender_restrictions = reject_unknown_sender_domain\n"
    assert "nobody pass for being in mynetworks" in mild(
        plan(bare, inbound__reject_sender_login_mismatch=Trial.ENFORCE)
    )
    assert "nobody pass" not in mild(plan(owners, inbound__reject_sender_login_mismatch=Trial.ENFORCE))


def test_a_name_that_others_do_not_take() -> None:
    assert "“mail” is not fully qualified" in mild(plan("", outbound__myhostname="mail"))
    assert "qualified" not in mild(plan("", outbound__myhostname="mail.example.com"))


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("verify", "No certificate can be verified"),
        ("fingerprint", "No fingerprint is known"),
        ("dane", "smtp_dns_support_level = dnssec"),
        ("encrypt", "waits, and is returned"),
    ],
)
def test_levels_of_outgoing_tls_that_cannot_be(level: str, words: str) -> None:
    found = plan("", outbound__smtp_tls_security_level=level)
    assert words in grave(found) + mild(found)


def test_networks_that_become_strangers() -> None:
    found = plan("", outbound__mynetworks=("127.0.0.0/8",))
    assert "[::1]/128 are strangers from now on" in mild(found)


def test_a_network_that_opens_the_relay() -> None:
    assert "open relay" in grave(plan("", outbound__mynetworks=("127.0.0.0/8", "0.0.0.0/0")))


def test_a_password_in_clear() -> None:
    login: dict[str, Any] = {"outbound__relay_login": Login("me", "x")}
    assert "in clear" in grave(plan("relayhost = [mx]\n", **login))
    assert "in clear" in mild(plan("relayhost = [mx]\nsmtp_tls_security_level = may\n", **login))
    found = plan("relayhost = [mx]\nsmtp_tls_security_level = encrypt\n", **login)
    assert "in clear" not in grave(found) + mild(found)


def test_mailboxes_grow_with_the_largest_message() -> None:
    found = plan("mailbox_size_limit = 20480000\n", outbound__message_size_limit=30_000_000)
    diff = "\n".join(found.diff())
    assert "+mailbox_size_limit = 30000000" in diff
    assert any("mailbox_size_limit was smaller" in words for words in found.words)
    unlimited = plan("mailbox_size_limit = 20480000\n", outbound__message_size_limit=0)
    assert "+mailbox_size_limit = 0" in "\n".join(unlimited.diff())


def test_what_the_lint_would_find_afterwards_is_warned_of() -> None:
    found = plan("", inbound__reject_sender_login_mismatch=Trial.ENFORCE)
    assert "table that says which addresses belong to which login" in mild(found)


def test_what_is_wrong_already_is_not_told_again() -> None:
    open_relay = configured.MAIN.replace("127.0.0.0/8 [::1]/128", "0.0.0.0/0")
    reading = configured.reading(configured.source(open_relay))
    assert planning.plan(reading, {"inbound.smtpd_helo_required": True}).cautions == ()


def test_a_name_that_the_listeners_hang_on() -> None:
    found = plan("inet_interfaces = $myhostname\n", outbound__myhostname="mx2.example.com")
    assert "inet_interfaces changes with it" in mild(found)
    assert "stop and start" in mild(found)


def test_a_table_of_a_type_that_there_is_not() -> None:
    with pytest.raises(Refused, match="no tables of type ldap; it has btree, "):
        plan("", inbound__smtpd_sender_login_maps="proxy:ldap:/etc/postfix/logins.cf")
