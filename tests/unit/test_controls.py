"""Each setting's way in and out of a configuration, setting by setting."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends import planning
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Login, Refused, Restriction, Trial, Zone, Zones
from tests.unit import configured

RELAY = "relayhost = [smtp.example.net]:587\n"

#: For each setting that can be set a value that is not its default.
OTHER: dict[str, Any] = {
    "inbound.blocked_extensions": ("exe", "tar.gz"),
    "inbound.smtpd_reject_unlisted_recipient": False,
    "inbound.smtpd_reject_unlisted_sender": True,
    "inbound.smtpd_sender_login_maps": "hash:/etc/postfix/logins",
    "inbound.smtpd_helo_required": True,
    "outbound.add_client_ip_header": True,
    "outbound.smtpd_sasl_authenticated_header": True,
    "outbound.smtpd_sasl_auth_enable": True,
    "outbound.require_authentication": True,
    "outbound.smtpd_tls_auth_only": True,
    "outbound.smtpd_tls_security_level": "may",
    "outbound.smtp_tls_security_level": "encrypt",
    "outbound.mynetworks": ("127.0.0.0/8", "198.51.100.0/24"),
    "outbound.smtp_helo_name": "out.example.com",
    "outbound.myhostname": "mx2.example.com",
    "outbound.mydomain": "example.net",
    "outbound.myorigin": "$mydomain",
    "outbound.relayhost": "[relay.example.net]:587",
    "outbound.smtp_fallback_relay": "[a.example.net], b.example.net",
    "outbound.relay_login": Login("user@example.com", "pass: word"),
    "outbound.message_size_limit": 20 * 1024 * 1024,
    **{key: Trial.TRIAL for key, setting in ALL.items() if isinstance(setting.kind, Restriction)},
    **{
        key: (Zone("a.example", Trial.TRIAL), Zone("b.example=127.0.0.[2..4]"))
        for key, setting in ALL.items()
        if isinstance(setting.kind, Zones)
    },
}
del OTHER["inbound.reject_unauth_destination"]
#: Settings that plain Postfix has nothing for.
NOTICES = {"inbound.blocked_extensions_notify_admin", "inbound.blocked_extensions_notify_recipient"}

BASES = {
    "small": configured.MAIN + RELAY,
    "bare": "compatibility_level = 3.6\nmyhostname = mail.example.com\nrelayhost = [smtp.example.net]:587\n",
    "rich": """\
# Somebody's own main.cf, with a comment between lines.
compatibility_level = 3.6
myhostname = mail.example.com
mynetworks = 127.0.0.0/8
relayhost=[smtp.example.net]:587
smtpd_recipient_restrictions =
    permit_mynetworks,
    # those who log in
    permit_sasl_authenticated
    reject_unauth_destination
    check_recipient_access hash:/etc/postfix/recipients,
    reject_rbl_client zen.example.org
    check_policy_service { inet:127.0.0.1:10023, timeout=10s }
    permit
mime_header_checks = pcre:/etc/postfix/mime
smtpd_data_restrictions = reject_unauth_pipelining
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd
smtp_sasl_security_options = noanonymous
message_size_limit = 10240000""",
}


def test_every_setting_is_tried_here() -> None:
    filters = {key for key, setting in ALL.items() if setting.page == "filtering"}
    assert OTHER.keys() | NOTICES | {"inbound.reject_unauth_destination"} == ALL.keys() - filters


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("key", OTHER)
def test_what_is_set_is_read_back_and_goes_again(key: str, base: str) -> None:
    before = configured.source(BASES[base])
    reading = configured.reading(before)
    plan = planning.plan(reading, {key: OTHER[key]})
    assert plan.edits
    assert [change.key for change in plan.changes] == [key]
    assert plan.words
    after = configured.applied(before, plan)
    now = configured.reading(after)
    assert now.current[key].value == OTHER[key]
    others = {k: c.value for k, c in reading.current.items()} | {key: OTHER[key]}
    assert {k: c.value for k, c in now.current.items()} == others, "another setting moved with it"

    back = planning.plan(now, {key: reading.current[key].value})
    restored = configured.applied(after, back)
    assert {k: c.value for k, c in configured.reading(restored).current.items()} == {
        k: c.value for k, c in reading.current.items()
    }
    if reading.current[key].value in ((), None, Trial.OFF):
        assert restored.main.data == before.main.data, "the admin's bytes are not back"
    assert restored.files.keys() == before.files.keys()


@pytest.mark.parametrize("base", BASES)
def test_what_is_so_already_is_no_plan(base: str) -> None:
    reading = configured.reading(configured.source(BASES[base]))
    plan = planning.plan(reading, {key: current.value for key, current in reading.current.items()})
    assert plan.empty
    assert (plan.changes, plan.reload, plan.probes) == ((), (), ())


def test_postfixs_own_value_is_not_written_down() -> None:
    """A parameter that main.cf does not say, and that becomes what it is by default: not a byte."""
    before = configured.source()
    reading = configured.reading(before)
    stale = {"outbound.message_size_limit": 10240000, "inbound.smtpd_helo_required": False}
    assert planning.plan(reading, stale).empty


def test_what_is_said_is_edited_where_it_stands() -> None:
    before = configured.source("# first\nmessage_size_limit=5242880   \n# last\n")
    plan = planning.plan(configured.reading(before), {"outbound.message_size_limit": 10240000})
    assert configured.applied(before, plan).main.data == b"# first\nmessage_size_limit=10240000   \n# last\n"


def test_a_parameter_tells_where_it_stands_and_what_it_amounts_to() -> None:
    current = configured.reading(configured.source("\n\nmyhostname = mx.example.com\n")).current
    assert current["outbound.myhostname"].where == "main.cf, line 3"
    assert current["outbound.myhostname"].explicit
    assert current["outbound.smtp_helo_name"].note == "= mx.example.com"
    assert not current["outbound.smtp_helo_name"].explicit


def test_what_cannot_be_understood_is_shown_as_it_stands() -> None:
    current = configured.reading(
        configured.source("myorigin = /etc/mailname\nsmtpd_helo_required = perhaps\nrelayhost = [a\n")
    ).current
    assert current["outbound.myorigin"].value == "/etc/mailname"
    assert current["outbound.relayhost"].value == "[a"
    assert "perhaps" in current["inbound.smtpd_helo_required"].note


def test_services_that_say_otherwise_are_named() -> None:
    current = configured.reading(configured.source()).current
    (override,) = current["outbound.smtpd_sasl_auth_enable"].overrides
    assert (override.service, override.value, override.where) == ("submission", "yes", "master.cf, line 4")
    (override,) = current["inbound.reject_unknown_recipient_domain"].overrides
    assert override.service == "submission"
    assert override.value == "smtpd_recipient_restrictions=permit_sasl_authenticated,reject"
    assert override.where == "master.cf, line 5"


def test_a_check_that_only_a_service_has_is_seen() -> None:
    master = (
        configured.MASTER
        + "2525 inet n - y - - smtpd\n  -o { smtpd_sender_restrictions = reject_non_fqdn_sender }\n"
    )
    current = configured.reading(configured.source(master=master)).current["inbound.reject_non_fqdn_sender"]
    assert current.value is Trial.OFF
    assert "2525" in [override.service for override in current.overrides]


def test_who_offers_authentication_and_who_demands_it() -> None:
    keys = ("outbound.smtpd_sasl_auth_enable", "outbound.require_authentication")
    current = configured.reading(configured.source("smtpd_sasl_auth_enable = yes\n")).current
    for key in keys:
        assert current[key].note == "offered by smtp, submission; demanded by submission"
    current = configured.reading(configured.source(master="smtp inet n - y - - smtpd\n")).current
    for key in keys:
        assert current[key].note == "no service offers AUTH"


def test_an_older_postfix_does_not_know_everything() -> None:
    source = configured.source()
    old = {name: value for name, value in source.defaults.items() if name != "smtp_fallback_relay"}
    from dataclasses import replace

    current = configured.reading(replace(source, defaults=old)).current["outbound.smtp_fallback_relay"]
    assert "3.7.11" in current.unavailable
    assert "smtp_fallback_relay" in current.unavailable


@pytest.mark.parametrize("key", sorted(NOTICES))
def test_notices_say_what_they_would_need(key: str) -> None:
    reading = configured.reading(configured.source())
    assert "amavis" in reading.current[key].unavailable
    with pytest.raises(Refused, match="amavis"):
        planning.plan(reading, {key: True})


def test_what_postfix_would_not_understand_is_not_taken_for_a_value() -> None:
    """It knows yes and no, and plain numbers; we are not more generous than it."""
    current = configured.reading(
        configured.source(
            "smtpd_helo_required = on\nmessage_size_limit = 10M\nsmtpd_tls_security_level = $x\nx = may\n"
        )
    ).current
    assert current["inbound.smtpd_helo_required"].value is False
    assert "neither yes nor no" in current["inbound.smtpd_helo_required"].note
    assert "no number" in current["outbound.message_size_limit"].note
    assert current["outbound.smtpd_tls_security_level"].value == "may"


def test_networks_are_changed_one_by_one() -> None:
    main = """\
mynetworks =
    127.0.0.0/8,
    # the office
    192.0.2.0/24,
    # the printer
    198.51.100.7/32
"""
    before = configured.source(main)
    wanted = ("127.0.0.0/8", "[::1]/128", "198.51.100.7/32", "203.0.113.0/24")
    plan = planning.plan(configured.reading(before), {"outbound.mynetworks": wanted})
    after = configured.applied(before, plan)
    assert configured.reading(after).current["outbound.mynetworks"].value == wanted
    assert after.main.text.splitlines() == [
        "mynetworks =",
        "    127.0.0.0/8,",
        "    [::1]/128,",
        "    # the office",
        "    # the printer",
        "    198.51.100.7/32,",
        "    203.0.113.0/24",
    ]


@given(
    st.lists(st.sampled_from("abcdefg"), unique=True),
    st.lists(st.sampled_from("abcdefg"), unique=True),
    st.sampled_from([" ", ", ", ",\n    ", "\n\t", "\n# why\n  "]),
)
def test_any_networks_become_any_others(now: list[str], then: list[str], between: str) -> None:
    before = configured.source(f"mynetworks = {between.join(now)}\nrelayhost =\n")
    plan = planning.plan(configured.reading(before), {"outbound.mynetworks": tuple(then)})
    after = configured.applied(before, plan)
    assert (after.lookup("mynetworks") or "").replace(",", " ").split() == then
    assert after.main.text.count("# why") == before.main.text.count("# why")
    assert after.main.text.endswith("relayhost =\n")
    if len(now) > 1 and "," not in between:
        assert "," not in after.main.text, "as the admin has set them apart"


# -- the guard against relaying ------------------------------------------------------------------------------


def test_an_open_relay_is_shown_and_can_be_closed_but_not_opened() -> None:
    before = configured.source("smtpd_relay_restrictions = permit_mynetworks\nmynetworks = 127.0.0.0/8\n")
    reading = configured.reading(before)
    key = "inbound.reject_unauth_destination"
    assert reading.current[key].value is Trial.OFF
    assert "anybody" in reading.current[key].note
    plan = planning.plan(reading, {key: Trial.ENFORCE})
    closed = configured.reading(configured.applied(before, plan)).current[key]
    assert (closed.value, closed.note) == (Trial.ENFORCE, "")
    with pytest.raises(Refused, match="not taken away"):
        planning.plan(configured.reading(configured.applied(before, plan)), {key: Trial.OFF})


def test_who_closes_a_relay_may_demand_authentication_at_once() -> None:
    before = configured.source("smtpd_relay_restrictions = permit_mynetworks\nmynetworks = 127.0.0.0/8\n")
    reading = configured.reading(before)
    wanted = {"inbound.reject_unauth_destination": Trial.ENFORCE, "outbound.require_authentication": True}
    with pytest.raises(Refused, match="nobody is kept from relaying"):
        planning.plan(reading, {"outbound.require_authentication": True})
    now = configured.reading(configured.applied(before, planning.plan(reading, wanted))).current
    assert {key: now[key].value for key in wanted} == wanted


def test_what_is_no_setting_is_said() -> None:
    with pytest.raises(Refused, match=r"no setting inbound\.nonsense"):
        planning.plan(configured.reading(configured.source()), {"inbound.nonsense": True})


# -- what comes from outside ---------------------------------------------------------------------------------

TEXT_KEYS = [
    "outbound.myhostname",
    "outbound.relayhost",
    "outbound.myorigin",
    "inbound.smtpd_sender_login_maps",
]


@given(st.sampled_from(TEXT_KEYS), st.text().filter(lambda text: not text.isprintable()))
def test_no_control_character_reaches_a_file(key: str, text: str) -> None:
    """Whoever comes by the kinds, is stopped at the last gate."""
    with pytest.raises(Refused, match="cannot be"):
        planning.plan(configured.reading(configured.source()), {key: text})


@pytest.mark.parametrize("zone", ["a b", "a,b", "a\n b", "a#b", "$x", "a{b"])
def test_no_block_list_is_more_than_one_word(zone: str) -> None:
    with pytest.raises(Refused):
        planning.plan(configured.reading(configured.source()), {"inbound.reject_rbl_client": (Zone(zone),)})


@pytest.mark.parametrize("extension", ["a\nb", "a b", "~", "", "a/b", "."])
def test_no_extension_is_more_than_an_extension(extension: str) -> None:
    with pytest.raises(Refused):
        planning.plan(
            configured.reading(configured.source()), {"inbound.blocked_extensions": ("exe", extension)}
        )


@given(st.sampled_from(TEXT_KEYS), st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_a_value_stays_one_value(key: str, text: str) -> None:
    """However odd: it is the value of its parameter, and no other line of the file moves."""
    before = configured.source(configured.MAIN)
    after = configured.applied(before, planning.plan(configured.reading(before), {key: text}))
    assert after.lookup(ALL[key].directive) == text
    for name in before.main.names():
        if name != ALL[key].directive:
            assert after.lookup(name) == before.lookup(name)


def test_as_many_networks_as_fit_are_replaced_at_once() -> None:
    """Word by word that would take minutes."""
    now, then = (
        ("127.0.0.0/8", *(f"10.{a}.{b}.0/24" for a in range(c, c + 20) for b in range(200))) for c in (0, 100)
    )
    before = configured.source("mynetworks =\n  " + "\n  ".join(now) + "\nrelayhost =\n")
    plan = planning.plan(configured.reading(before), {"outbound.mynetworks": then})
    after = configured.applied(before, plan)
    assert configured.reading(after).current["outbound.mynetworks"].value == then
