"""Every setting on and off in the main.cf files of the world: what the admin wrote is still there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends import planning
from mtatui.backends.postfix import lint
from mtatui.backends.postfix.controls_lists import lists_of
from mtatui.backends.postfix.lists import LISTS, words
from mtatui.backends.postfix.main_cf import MainCf
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Reading
from mtatui.settings.kinds import Networks, Refused, RelayGuard, Restriction, Switch, Trial, Zone, Zones
from tests.unit import configured
from tests.unit.test_controls import OTHER

CORPUS = sorted((Path(__file__).parent / "data" / "main_cf").glob("*/main.cf"))
TYPES = "btree cidr hash inline ldap lmdb mysql pcre pgsql regexp sqlite static texthash"
GUARD, LOGIN, REQUIRED = (
    "inbound.reject_unauth_destination",
    "outbound.relay_login",
    "outbound.require_authentication",
)
#: Parameters that a setting writes besides its own.
ALONG = {
    "inbound.blocked_extensions": {"mime_header_checks"},
    "outbound.add_client_ip_header": {"smtpd_data_restrictions", "smtpd_restriction_classes"},
    "outbound.message_size_limit": {"mailbox_size_limit", "virtual_mailbox_limit"},
    LOGIN: {"smtp_sasl_password_maps", "smtp_sasl_auth_enable", "smtp_sasl_security_options"},
}


class Only(dict[str, Current]):
    """What a few settings are, each read when it is asked for."""

    def __init__(self, source: PostfixReading) -> None:
        super().__init__()
        self.source = source

    def __missing__(self, key: str) -> Current:
        self[key] = planning.CONTROLS[key].current(self.source)
        return self[key]

    def __contains__(self, key: object) -> bool:
        return key in ALL


def reading(source: PostfixReading) -> Reading:
    return Reading("mx", 0.0, Only(source), source=source)


def load(path: Path) -> PostfixReading:
    master = path.with_name("master.cf")
    services = master.read_text("utf-8", "surrogateescape") if master.exists() else configured.MASTER
    # The domain Postfix works out from what main.cf says.
    return configured.source(path.read_bytes(), services, types=TYPES, mydomain="example.org")


def others(key: str, now: Any) -> Iterator[Any]:
    """What a setting may become."""
    match ALL[key].kind:
        case RelayGuard():
            wanted: list[Any] = [Trial.ENFORCE]
        case Switch():
            wanted = [True, False]
        case Restriction():
            wanted = list(Trial)
        case Zones():
            wanted = [(*now, Zone("new.example", Trial.TRIAL)), now[1:], now[::-1]]
        case Networks():
            wanted = [(*now, "198.51.100.0/24"), now[1:]]
        case _:
            wanted = [OTHER[key]] if key in OTHER else []
    return (value for value in wanted if value != now)


def in_lists(key: str) -> bool:
    """Whether it is in restriction lists that a setting stands."""
    return isinstance(ALL[key].kind, Restriction | Zones) or key == REQUIRED


def remarks(main: MainCf) -> list[str]:
    """The comment lines of the admin, in order."""
    return [
        line
        for line in re.findall(r"^[ \t]*#.*$", main.text, re.MULTILINE)
        if not line.startswith("# Written by mtatui")
    ]


def is_within(few: list[str], many: list[str]) -> bool:
    """Whether the few stand among the many, in their order."""
    rest = iter(many)
    return all(one in rest for one in few)


def holds_what_the_admin_wrote(before: PostfixReading, after: PostfixReading, key: str) -> None:
    """Hold a changed main.cf against the admin's: comments, other parameters, other words of lists."""
    assert not after.main.mistakes
    assert remarks(after.main) == remarks(before.main)
    own = {ALL[key].directive} | ALONG.get(key, set())
    lists = {*LISTS, *(found.list for found in lists_of(before).all())} if in_lists(key) else set()
    for assignment in before.main.assignments:
        now = [other.raw for other in after.main.assignments if other.name == assignment.name]
        if assignment.raw in now or assignment.name in own:
            continue
        assert assignment.name in lists, f"{assignment.name} was changed"
        kept = [word for word, *_ in words(assignment.raw) if word not in mine(before, key)]
        assert any(is_within(kept, [word for word, *_ in words(raw)]) for raw in now), assignment.name


def mine(before: PostfixReading, key: str) -> set[str]:
    """The words in restriction lists that a setting may take away."""
    if key == REQUIRED:
        return {"permit_mynetworks"}
    name = ALL[key].directive
    found = [found.restriction for found in lists_of(before).all() if found.restriction.is_a(name)]
    return {"warn_if_reject"} | {word for one in found for word in (one.name, one.argument)}


def comes_back(before: PostfixReading, key: str, value: Any) -> bool:
    """Whether switched back it must be the very file: where it was off, absent, or one line of its own."""
    now = planning.CONTROLS[key].current(before).value
    if in_lists(key):
        return now in (Trial.OFF, (), True)
    if key in ALONG:
        off = now is False or now in ((), None)
        return off and not (key == LOGIN and before.explicit("smtp_sasl_password_maps"))
    there = before.explicit(ALL[key].directive)
    if there is None:
        return key != "outbound.mydomain"  # whose default only Postfix knows
    if there.raw == "":  # no blank behind "=", as nowhere else in the file
        return f"{there.name} =\n" not in before.main.text or before.main.text.count(" =\n") > 1
    return there.line == there.last_line and (not isinstance(value, tuple) or value[: len(now)] == now)


@pytest.mark.parametrize("path", CORPUS, ids=[path.parent.name for path in CORPUS])
def test_what_is_read_and_not_changed_stays(path: Path) -> None:
    source = load(path)
    now = configured.reading(source)
    assert source.main.data == path.read_bytes()
    assert planning.plan(now, {key: current.value for key, current in now.current.items()}).empty


@pytest.mark.parametrize("path", CORPUS, ids=[path.parent.name for path in CORPUS])
def test_every_setting_on_and_off_leaves_the_admins_own_lines(path: Path) -> None:
    before = load(path)
    now = reading(before)
    trouble = []
    for key in ALL:
        if now.current[key].unavailable:
            continue
        for value in others(key, now.current[key].value):
            try:
                there_and_back(before, key, value)
            except AssertionError as error:
                trouble.append(f"{key} = {value}: {error}")
    assert not trouble, "\n".join(trouble)


def there_and_back(before: PostfixReading, key: str, value: Any) -> None:
    """Give a setting a value, and take it back as somebody who reads the file anew."""
    now = reading(before)
    try:
        plan = planning.plan(now, {key: value})
    except Refused:
        assert key in (GUARD, LOGIN, REQUIRED), key
        return
    after = configured.applied(before, plan)
    assert reading(after).current[key].value == value
    holds_what_the_admin_wrote(before, after, key)
    try:
        plan = planning.plan(reading(after), {key: now.current[key].value})
    except Refused:
        # The guard stays; another's login was never ours to set.
        assert key in (GUARD, LOGIN), key
        return
    restored = configured.applied(after, plan)
    assert reading(restored).current[key].value == now.current[key].value
    holds_what_the_admin_wrote(before, restored, key)
    if comes_back(before, key, value):
        assert restored.main.data == before.main.data


def all_at_once(now: Reading) -> dict[str, Any]:
    """A change of every setting that can be changed by itself."""
    return {
        key: value
        for key in ALL
        if not now.current[key].unavailable and key not in (LOGIN, REQUIRED, GUARD)
        for value in list(others(key, now.current[key].value))[:1]
    }


@pytest.mark.parametrize("path", CORPUS, ids=[path.parent.name for path in CORPUS])
def test_all_settings_at_once_and_back(path: Path) -> None:
    before = load(path)
    now = reading(before)
    changes = all_at_once(now)
    after = configured.applied(before, planning.plan(now, changes))
    then = reading(after)
    assert {key: then.current[key].value for key in changes} == changes
    assert remarks(after.main) == remarks(before.main)
    back = planning.plan(then, {key: now.current[key].value for key in changes})
    restored = reading(configured.applied(after, back))
    assert {key: restored.current[key].value for key in changes} == {
        key: now.current[key].value for key in changes
    }
    assert remarks(restored.source.main) == remarks(before.main)


@pytest.mark.parametrize("path", CORPUS[::4], ids=[path.parent.name for path in CORPUS[::4]])
def test_checks_that_come_one_by_one_and_go_one_by_one_leave_no_trace(path: Path) -> None:
    before = load(path)
    now = reading(before)
    off = {key: now.current[key].value for key in ALL if in_lists(key) and key not in (GUARD, REQUIRED)}
    off = {key: value for key, value in off.items() if value in (Trial.OFF, ())}
    after = before
    for key, value in off.items():
        on = next(others(key, value))
        after = configured.applied(after, planning.plan(reading(after), {key: on}))
    assert after.main != before.main
    for key, value in off.items():
        after = configured.applied(after, planning.plan(reading(after), {key: value}))
    assert after.main.data == before.main.data


def test_there_are_files_from_all_over_the_world() -> None:
    assert len(CORPUS) >= 30


def test_a_default_goes_where_we_wrote_it_and_stays_where_the_admin_did() -> None:
    before = configured.source("smtpd_helo_required = no\nmyhostname = mail.example.com\n")
    on = configured.applied(
        before,
        planning.plan(
            configured.reading(before),
            {"inbound.smtpd_helo_required": True, "outbound.smtpd_tls_auth_only": True},
        ),
    )
    off = configured.applied(
        on,
        planning.plan(
            configured.reading(on),
            {"inbound.smtpd_helo_required": False, "outbound.smtpd_tls_auth_only": False},
        ),
    )
    assert off.main.data == before.main.data


def test_a_name_that_is_the_default_today_is_written_down() -> None:
    before = configured.source("myhostname = mail.example.com\nsmtp_helo_name = out.example.com\n")
    plan = planning.plan(configured.reading(before), {"outbound.smtp_helo_name": "mail.example.com"})
    after = configured.applied(before, plan)
    assert after.main.data.endswith(b"\nsmtp_helo_name = mail.example.com\n")


def test_a_first_network_is_written_like_any_parameter() -> None:
    before = configured.source("myhostname = mail.example.com\n")
    plan = planning.plan(configured.reading(before), {"outbound.mynetworks": ("127.0.0.0/8", "10.0.0.0/8")})
    assert b"\nmynetworks = 127.0.0.0/8 10.0.0.0/8\n" in configured.applied(before, plan).main.data


#: What is gravely wrong in them, and nothing else is.
GRAVE = {
    "empty": {"no-relay-guard"},
    "handmade-backslashes": {"no-relay-guard", "network-invalid"},
    "handmade-open-relay": {"no-relay-guard", "open-relay"},
    "isp-relay-farm": {"mailbox-limit"},
    "postfix-doc-null-client": {"no-relay-guard"},
    "postfix-doc-sasl-cyrus": {"auth-impossible"},
}


@pytest.mark.parametrize("path", CORPUS, ids=[path.parent.name for path in CORPUS])
def test_no_alarm_is_raised_without_need(path: Path) -> None:
    found = {finding.id for finding in lint.findings(load(path)) if finding.grave}
    assert found == GRAVE.get(path.parent.name, set())


@pytest.mark.parametrize("key", ["inbound.reject_invalid_helo_hostname", "inbound.reject_rbl_client"])
def test_a_list_that_nobody_can_read_is_not_added_to(key: str) -> None:
    before = configured.source(
        "smtpd_recipient_restrictions =\n  permit_mynetworks\n  reject_unauth_destination\n"
        "  check_recipient_access re{gexp:/etc/postfix/recipients\n"
    )
    value = (Zone("a.example"),) if "rbl" in key else Trial.TRIAL
    with pytest.raises(Refused, match="not well-formed"):
        planning.plan(reading(before), {key: value})


def test_networks_that_read_like_restrictions_are_networks() -> None:
    before = configured.source("mynetworks = 127.0.0.0/8,\n  check_helo_access, hash:/etc/postfix/nets\n")
    key = "outbound.mynetworks"
    value = (*reading(before).current[key].value, "192.0.2.0/24")
    after = configured.applied(before, planning.plan(reading(before), {key: value}))
    assert reading(after).current[key].value == value
