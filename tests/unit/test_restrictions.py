"""Restrictions are switched token by token: what is the admin's stays, and off, on, off leaves the bytes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.postfix.lists import Lists, parse
from mtatui.backends.postfix.restrictions import (
    authentication_required,
    client_ip,
    guard_relay,
    relay_guard,
    require_authentication,
    set_client_ip,
    set_zones,
    state,
    switch,
    zones,
)
from mtatui.settings.kinds import Trial, Zone
from tests.unit.listed import CHECKS, DEFAULTS, RECIPIENT, RELAY, SENDER, UNHURRIED, ZONES, configurations

OFF, TRIAL, ENFORCE = Trial.OFF, Trial.TRIAL, Trial.ENFORCE
TABLE = "regexp:/etc/postfix/mtatui/client_ip"


def words_of(lists: Lists) -> dict[str, list[str]]:
    """What stands in the lists, without where."""
    return {name: [str(r) for r in parse(raw)] for name, raw in lists.said.items()}


def comments(lists: Lists) -> list[str]:
    return [c for raw in lists.said.values() for c in re.findall(r"\n\s*#.*", raw) if "mtatui" not in c]


def is_within(few: list[str], many: list[str]) -> bool:
    """Whether some are found among others in their order."""
    rest = iter(many)
    return all(item in rest for item in few)


# -- switching -----------------------------------------------------------------------------------------------


@UNHURRIED
@given(configurations(), st.lists(st.sampled_from(CHECKS), unique=True, min_size=1), st.data())
def test_on_and_off_again_leaves_the_very_bytes(lists: Lists, checks: list[str], data: st.DataObject) -> None:
    now = lists
    for check in checks:
        now = switch(now, check, data.draw(st.sampled_from([TRIAL, ENFORCE])))
    for check in checks:
        to = data.draw(st.sampled_from([TRIAL, ENFORCE]))
        now = switch(now, check, to)
        assert state(now, check)[0] is to
    assert comments(now) == comments(lists) or sorted(comments(now)) == sorted(comments(lists))
    for name, had in words_of(lists).items():
        assert is_within(had, words_of(now)[name]), "the admin's own, in their order"
    for check in data.draw(st.permutations(checks)):
        now = switch(now, check, OFF)
        assert state(now, check) == (OFF, "")
    assert now.changes(lists) == {}


@UNHURRIED
@given(configurations(), st.sampled_from(CHECKS), st.sampled_from(list(Trial)))
def test_switching_twice_is_switching_once(lists: Lists, check: str, to: Trial) -> None:
    once = switch(lists, check, to)
    assert switch(once, check, to).changes(once) == {}
    assert len(once.changes(lists)) <= 1


@UNHURRIED
@given(configurations(), st.sampled_from([*CHECKS[1:], *ZONES]))
def test_own_clients_pass_before_what_is_new(lists: Lists, check: str) -> None:
    if check in ZONES:
        if zones(lists, check):
            return
        now = set_zones(lists, check, [Zone("list.example")])
    else:
        now = switch(lists, check, ENFORCE)
    (name,) = now.changes(lists)
    found = [f.restriction for f in now.walk(name)]
    at = next(n for n, r in enumerate(found) if r.is_a(check))
    before, behind = [r.name for r in found[:at]], [r.name for r in found[at + 1 :]]
    permit = "permit_sasl_authenticated" if name in lists.authenticated else "permit_mynetworks"
    final = next((n for n, name in enumerate(before) if name in ("permit", "reject")), None)
    if final is None and permit not in behind:
        assert permit in before
    if final is None and "check_policy_service" in before:
        assert {permit, "reject_unauth_destination"} & {*before[before.index("check_policy_service") :]} or (
            "permit_tls_clientcerts" in before or lists.refers(parse(lists.raw(name))[0]) is not None
        )


def test_places_in_a_list_as_admins_write_it() -> None:
    raw = """
    permit_mynetworks,
    permit_sasl_authenticated,
    reject_unauth_destination,
    # whoever must get through
    check_client_access hash:/etc/postfix/good,
    reject_invalid_helo_hostname,
    # spammers
    reject_rbl_client zen.example,
    check_policy_service unix:private/policy,
    permit"""
    lists = Lists({RECIPIENT: raw}, DEFAULTS)
    for check in CHECKS[1:]:
        lists = switch(lists, check, TRIAL if check == "reject_unknown_helo_hostname" else ENFORCE)
    lists = set_zones(lists, "reject_rhsbl_sender", [Zone("dbl.example")])
    assert (
        lists.said[RECIPIENT]
        == """
    permit_mynetworks,
    permit_sasl_authenticated,
    reject_unauth_destination,
    # whoever must get through
    check_client_access hash:/etc/postfix/good,
    reject_non_fqdn_recipient,
    reject_invalid_helo_hostname,
    reject_non_fqdn_helo_hostname,
    reject_non_fqdn_sender,
    reject_unknown_client_hostname,
    reject_unknown_reverse_client_hostname,
    warn_if_reject reject_unknown_helo_hostname,
    reject_unknown_sender_domain,
    reject_unknown_recipient_domain,
    # spammers
    reject_rbl_client zen.example,
    reject_rhsbl_sender dbl.example,
    check_policy_service unix:private/policy,
    permit"""
    )


def test_a_list_of_its_own_where_there_is_none() -> None:
    lists = switch(Lists({}, DEFAULTS), "reject_non_fqdn_helo_hostname", ENFORCE)
    assert lists.said == {
        RECIPIENT: "\n# Written by mtatui, the whole list.\n    permit_mynetworks,\n"
        "    permit_sasl_authenticated,\n    reject_non_fqdn_helo_hostname"
    }


def test_a_list_without_permits_is_left_alone() -> None:
    lists = Lists({RECIPIENT: " check_policy_service unix:private/spf"}, DEFAULTS)
    assert [*switch(lists, "reject_non_fqdn_sender", ENFORCE).changes(lists)] == [SENDER]


def test_lists_that_are_evaluated_before_the_login_are_not_used() -> None:
    helo = "smtpd_helo_restrictions"
    lists = Lists(
        {helo: " permit_mynetworks, permit_sasl_authenticated, reject_invalid_helo_hostname"}, DEFAULTS
    )
    assert [*switch(lists, "reject_non_fqdn_helo_hostname", ENFORCE).changes(lists)] == [helo]
    early = lists.put("smtpd_delay_reject", " no")
    assert [*switch(early, "reject_non_fqdn_helo_hostname", ENFORCE).changes(early)] == [RECIPIENT]


def test_logins_are_compared_before_they_let_anybody_through() -> None:
    raw = " permit_mynetworks, permit_sasl_authenticated, reject_non_fqdn_sender"
    lists = switch(Lists({SENDER: raw}, DEFAULTS), "reject_sender_login_mismatch", ENFORCE)
    assert lists.said[SENDER] == (
        " permit_mynetworks, reject_sender_login_mismatch, permit_sasl_authenticated, reject_non_fqdn_sender"
    )


def test_a_restriction_is_switched_where_it_stands() -> None:
    said = {
        "smtpd_client_restrictions": " $mine",
        "mine": " permit_mynetworks, strict",
        "smtpd_restriction_classes": " strict",
        "strict": " reject_unknown_client_hostname, sleep 1",
    }
    lists = Lists(said, DEFAULTS)
    assert state(lists, "reject_unknown_client_hostname") == (ENFORCE, "strict")
    tried = switch(lists, "reject_unknown_client_hostname", TRIAL)
    assert tried.changes(lists) == {"strict": " warn_if_reject reject_unknown_client_hostname, sleep 1"}
    assert switch(tried, "reject_unknown_client_hostname", OFF).said["strict"] == " sleep 1"


def test_old_names_are_the_same_restrictions() -> None:
    lists = Lists(
        {SENDER: " reject_unknown_client, Reject_Invalid_Hostname, reject_rbl zen.example"}, DEFAULTS
    )
    assert state(lists, "reject_unknown_client_hostname") == (ENFORCE, SENDER)
    assert zones(lists, "reject_rbl_client") == (Zone("zen.example"),)
    tried = switch(lists, "reject_invalid_helo_hostname", TRIAL)
    assert "warn_if_reject Reject_Invalid_Hostname," in tried.said[SENDER]


def test_a_class_on_trial_tries_what_is_in_it() -> None:
    said = {RECIPIENT: " permit_mynetworks, permit_sasl_authenticated, warn_if_reject strict",
            "smtpd_restriction_classes": " strict", "strict": " reject_non_fqdn_sender"}  # fmt: skip
    lists = Lists(said, DEFAULTS)
    assert state(lists, "reject_non_fqdn_sender") == (TRIAL, "strict")
    assert state(switch(lists, "reject_non_fqdn_sender", ENFORCE), "reject_non_fqdn_sender")[0] is ENFORCE


def test_lists_that_lead_back_to_themselves_end() -> None:
    lists = Lists({SENDER: " $a", "a": " $b, reject_non_fqdn_sender", "b": " $a $b"})
    assert state(lists, "reject_non_fqdn_sender") == (ENFORCE, "a")


# -- block lists ---------------------------------------------------------------------------------------------

_ZONES = st.lists(
    st.builds(
        Zone,
        st.sampled_from(["zen.spamhaus.org", "bl.example=127.0.0.[2..11]", "a.test", "b.test", "c.test"]),
        st.sampled_from([TRIAL, ENFORCE]),
    ),
    unique_by=lambda zone: zone.zone,
)


@UNHURRIED
@given(configurations(), st.sampled_from(ZONES), _ZONES, _ZONES)
def test_block_lists_become_what_is_wanted(
    lists: Lists, name: str, first: list[Zone], then: list[Zone]
) -> None:
    before = zones(lists, name)
    for wanted in (first, then):
        lists = set_zones(lists, name, wanted)
        assert {zone.zone: zone for zone in zones(lists, name)} == {zone.zone: zone for zone in wanted}
        if not before:
            assert zones(lists, name) == tuple(wanted), "asked in this order"
        assert set_zones(lists, name, wanted).changes(lists) == {}


@UNHURRIED
@given(configurations(), _ZONES)
def test_block_lists_come_and_go_without_a_trace(lists: Lists, wanted: list[Zone]) -> None:
    name = "reject_rhsbl_sender"
    assert set_zones(set_zones(lists, name, wanted), name, ()).changes(lists) == {}


def test_block_lists_keep_spelling_place_and_comments() -> None:
    raw = """
    permit_mynetworks, permit_sasl_authenticated
    # the good one
    reject_rbl_client Zen.Spamhaus.ORG
    # the new one
    warn_if_reject reject_rbl_client b.test
    permit"""
    lists = Lists({RECIPIENT: raw}, DEFAULTS)
    assert zones(lists, "reject_rbl_client") == (Zone("Zen.Spamhaus.ORG"), Zone("b.test", TRIAL))
    same = set_zones(lists, "reject_rbl_client", [Zone("zen.spamhaus.org"), Zone("b.test", TRIAL)])
    assert same.changes(lists) == {}
    more = [Zone("zen.spamhaus.org"), Zone("a.test"), Zone("b.test")]
    assert set_zones(lists, "reject_rbl_client", more).said[RECIPIENT] == raw.replace(
        "ORG", "ORG\n    reject_rbl_client a.test"
    ).replace("warn_if_reject ", "")
    turned = set_zones(lists, "reject_rbl_client", [Zone("b.test"), Zone("zen.spamhaus.org")])
    assert [zone.zone for zone in zones(turned, "reject_rbl_client")] == ["b.test", "Zen.Spamhaus.ORG"]


# -- relaying ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, (ENFORCE, RELAY)),
        ({RELAY: ""}, (OFF, "")),
        ({RELAY: "", RECIPIENT: " permit_mynetworks, reject_unauth_destination"}, (ENFORCE, RECIPIENT)),
        ({RELAY: " permit_mynetworks, permit, reject_unauth_destination"}, (OFF, "")),
        ({RELAY: " permit_mynetworks, warn_if_reject reject_unauth_destination"}, (TRIAL, RELAY)),
        ({RELAY: " permit_sasl_authenticated, reject"}, (ENFORCE, RELAY)),
        ({RELAY: " $guard", "guard": " reject_unauth_destination"}, (ENFORCE, "guard")),
    ],
)
def test_the_guard_is_found(said: dict[str, str], expected: tuple[Trial, str]) -> None:
    assert relay_guard(Lists(said, DEFAULTS)) == expected


@UNHURRIED
@given(configurations())
def test_the_guard_can_always_be_had(lists: Lists) -> None:
    guarded = guard_relay(lists)
    assert relay_guard(guarded)[0] is ENFORCE
    assert guard_relay(guarded).changes(guarded) == {}
    if relay_guard(lists)[0] is OFF:
        assert {"permit_mynetworks", "permit_sasl_authenticated"} & {
            f.restriction.name for f in guarded.walk(RELAY)
        } or "permit_tls_clientcerts" in guarded.raw(RELAY)


def test_authentication_for_all_and_back() -> None:
    for said in (
        {},
        {RELAY: DEFAULTS[RELAY]},
        {
            RELAY: "",
            RECIPIENT: "\n  permit_mynetworks,\n  permit_sasl_authenticated,\n  reject_unauth_destination",
        },
    ):
        lists = Lists(said, DEFAULTS)
        assert not authentication_required(lists)
        strict = require_authentication(lists, True)
        assert authentication_required(strict)
        assert "permit_mynetworks" not in strict.raw(RELAY) + strict.raw(RECIPIENT)
        assert relay_guard(strict)[0] is ENFORCE
        assert require_authentication(strict, False).changes(lists) == {}


@UNHURRIED
@given(configurations(), st.booleans())
def test_authentication_becomes_what_is_wanted(lists: Lists, wanted: bool) -> None:
    now = require_authentication(lists, wanted)
    if relay_guard(lists)[0] is ENFORCE:
        assert authentication_required(now) is wanted
    assert relay_guard(now)[0] is relay_guard(lists)[0]


def test_whoever_authenticates_passes_where_authentication_is_required() -> None:
    known = Lists({RECIPIENT: " permit_mynetworks, reject_unauth_destination"}, {RELAY: ""})
    strict = require_authentication(known, True)
    assert strict.raw(RECIPIENT) == " permit_sasl_authenticated, reject_unauth_destination"
    assert authentication_required(strict)
    assert strict.changes(require_authentication(strict, True)) == {}
    back = require_authentication(strict, False)
    assert back.raw(RECIPIENT) == " permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"


# -- the client's address in a header ------------------------------------------------------------------------


@UNHURRIED
@given(configurations())
def test_the_header_comes_and_goes_without_a_trace(lists: Lists) -> None:
    on = set_client_ip(lists, True, TABLE)
    assert client_ip(on)
    assert str(parse(on.raw("smtpd_data_restrictions"))[0]) == (
        "${{$smtpd_sasl_auth_enable} == {yes} ? {check_sasl_access static:mtatui_client_ip}}"
    )
    assert on.said["mtatui_client_ip"] == f" check_client_access {TABLE}"
    assert "mtatui_client_ip" in on.classes
    assert set(on.classes) >= set(lists.classes)
    assert set_client_ip(on, False, TABLE).changes(lists) == {}
