"""What is wrong in restriction lists: relaying, what is never reached, what does nothing, what is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mtatui.backends.postfix import restrictions
from mtatui.backends.postfix.controls_lists import lists_of
from mtatui.backends.postfix.lists import LISTS, Found, Lists
from mtatui.backends.postfix.master_cf import Service
from mtatui.backends.postfix.placing import FINAL, GUARDS, MISMATCH, OWN
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Finding
from mtatui.settings.kinds import RelayGuard, Restriction, Trial, Zones

_HELO = re.compile(r"reject_\w+_helo_hostname|check_helo_\w+|reject_rhsbl_helo")
_BY_NAME = ("reject_unknown_client_hostname", "reject_unknown_reverse_client_hostname")
#: Those that keep smtpd(8) from refusing to run at all, wherever in the two lists they stand.
_GUARDS = (*GUARDS, "reject", "defer", "defer_if_permit", "check_relay_domains")
#: All that smtpd(8) of Postfix 2.3 to 3.10 knows, besides what `_ACCESS` describes.
_KNOWN = frozenset(
    re.findall(
        r"\w+",
        "check_policy_service check_relay_domains check_recipient_maps defer defer_if_permit "
        "defer_if_reject defer_unauth_destination permit permit_auth_destination permit_dnswl_client "
        "permit_inet_interfaces permit_mx_backup permit_mynetworks permit_naked_ip_address "
        "permit_rhswl_client permit_sasl_authenticated permit_tls_all_clientcerts permit_tls_clientcerts "
        "reject reject_authenticated_sender_login_mismatch reject_invalid_helo_hostname "
        "reject_known_sender_login_mismatch reject_maps_rbl reject_multi_recipient_bounce "
        "reject_non_fqdn_helo_hostname reject_non_fqdn_recipient reject_non_fqdn_sender "
        "reject_plaintext_session reject_rbl_client reject_rhsbl_client reject_rhsbl_helo "
        "reject_rhsbl_recipient reject_rhsbl_reverse_client reject_rhsbl_sender "
        "reject_sender_login_mismatch reject_unauth_destination reject_unauth_pipelining "
        "reject_unauthenticated_sender_login_mismatch reject_unknown_address "
        "reject_unknown_client_hostname reject_unknown_helo_hostname reject_unknown_recipient_domain "
        "reject_unknown_reverse_client_hostname reject_unknown_sender_domain reject_unlisted_recipient "
        "reject_unlisted_sender reject_unverified_recipient reject_unverified_sender sleep ",
    )
)
_ACCESS = re.compile(
    r"check_(?:ccert|etrn|sasl|client|helo|sender|recipient|reverse_client_hostname)(?:_a|_mx|_ns)?_access"
)
_CONTROLS = tuple(
    setting.directive
    for setting in ALL.values()
    if isinstance(setting.kind, Restriction | Zones) and not isinstance(setting.kind, RelayGuard)
)


def list_findings(reading: PostfixReading) -> Iterator[Finding]:
    """What there is to say about the lists, and about the services that have lists of their own."""
    lists = lists_of(reading)
    main = (service for service in reading.services("smtpd") if not _own(service))
    for service in [*main][:1]:
        yield from _relay(reading, lists, service, "")
    for service in filter(_own, reading.services("smtpd")):
        yield from _relay(reading, _of_service(lists, service), service, service.name)
        yield from _passed_over(lists, service)
    yield from _never_reached(reading, lists)
    yield from _unknown(reading, lists)
    yield from _without_effect(reading, lists)


def _own(service: Service) -> bool:
    return any(name in service.overrides for name in LISTS)


def _of_service(lists: Lists, service: Service) -> Lists:
    for name, value in service.overrides.items():
        lists = lists.put(name, value)
    return lists


def _relay(reading: PostfixReading, lists: Lists, service: Service, name: str) -> Iterator[Finding]:
    state, _ = restrictions.relay_guard(lists)
    if state is Trial.ENFORCE:
        return
    where = f"master.cf, line {service.line}" if name else _line(reading, restrictions.RELAY)
    who = f"{name}: " if name else ""
    setting = "" if name else "inbound.reject_unauth_destination"
    both = (restrictions.RELAY, restrictions.RECIPIENT)
    if any(found.restriction.is_a(*_GUARDS) for relay in both for found in lists.walk(relay)):
        why = (
            "is only on trial"
            if state is Trial.TRIAL
            else "stands behind a permit, where it is never reached"
        )
        text = (
            f"{who}anybody can send mail to anybody through this server: what should prevent it {why}. "
            "Switch on “Only authorised clients may relay”."
        )
        yield Finding("open-relay", text, True, setting, where)
    else:
        text = (
            f"{who}neither smtpd_relay_restrictions nor smtpd_recipient_restrictions has "
            "reject_unauth_destination: "
            "Postfix takes no mail at all like that, and would be an open relay if it did."
        )
        yield Finding("no-relay-guard", text, True, setting, where)


def _passed_over(lists: Lists, service: Service) -> Iterator[Finding]:
    """A service whose own lists take the place of those in which checks of the pages stand."""
    theirs = _of_service(lists, service)
    has = {found.restriction.canonical for name in LISTS for found in theirs.walk(name)}
    had = {
        found.restriction.canonical: name
        for name in reversed(LISTS)
        if name in service.overrides
        for found in lists.walk(name)
    }
    gone = [check for check in _CONTROLS if check in had and check not in has]
    if gone and not is_local(service):
        shown = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        does = "do" if len(gone) > 1 else "does"
        yield Finding(
            "service-overrides",
            f"{service.name} has restriction lists of its own: {shown} {does} not apply there.",
            where=f"master.cf, line {service.lines.get(had[gone[0]], service.line)}",
        )


def _never_reached(reading: PostfixReading, lists: Lists) -> Iterator[Finding]:
    for name in LISTS:
        found = list(lists.restrictions(name))
        end = next((at for at, r in enumerate(found) if r.is_a(*FINAL)), len(found))
        if behind := [str(restriction) for restriction in found[end + 1 :]]:
            text = (
                f"{name}: behind “{found[end].name}” nothing is ever looked at: {', '.join(behind[:3])}"
                f"{' …' if len(behind) > 3 else ''}. Move it in front, or take it out."
            )
            yield Finding("never-reached", text, found[end].is_a("permit"), where=_line(reading, name))
        walked = [entry.restriction for entry in lists.walk(name)]
        login = next((at for at, r in enumerate(walked) if r.is_a(MISMATCH)), None)
        if login is not None and any(r.is_a(OWN[1]) for r in walked[:login]):
            yield Finding(
                "login-check-too-late",
                f"{name}: {MISMATCH} stands behind permit_sasl_authenticated, so those whom it is about have "
                "passed already. Switch it off and on again: it is put in front.",
                setting=f"inbound.{MISMATCH}",
                where=_line(reading, name),
            )


def _unknown(reading: PostfixReading, lists: Lists) -> Iterator[Finding]:
    for found in dict.fromkeys(lists.all()):
        name = found.restriction.canonical
        if name in _KNOWN or _ACCESS.fullmatch(name) or ":" in name or "$" in name or "{" in name:
            continue
        if found.restriction.name not in lists.classes:
            text = (
                f"{found.list}: Postfix knows no restriction {found.restriction.name}: it answers "
                "451 4.3.5 Server configuration error to every client that comes so far. Correct it or "
                "take it out."
            )
            yield Finding("unknown-restriction", text, True, where=_line(reading, found.list))
    for name in lists.classes:
        if name not in lists.said and "$" not in name:
            text = f"smtpd_restriction_classes names {name}, and nothing sets it: Postfix takes no mail."
            yield Finding("class-without-list", text, True, where=_line(reading, "smtpd_restriction_classes"))


def _without_effect(reading: PostfixReading, lists: Lists) -> Iterator[Finding]:
    everywhere = [*dict.fromkeys(lists.all())]

    def first(*names: str) -> Found | None:
        return next((found for found in everywhere if found.restriction.is_a(*names)), None)

    login = first(MISMATCH)
    if login and not reading.effective("smtpd_sender_login_maps"):
        yield Finding(
            "no-login-maps",
            f"{MISMATCH} does nothing without a table that says which addresses belong to which login.",
            setting="inbound.smtpd_sender_login_maps",
            where=_line(reading, login.list),
        )
    greeting = next((found for found in everywhere if _HELO.fullmatch(found.restriction.canonical)), None)
    if greeting and reading.effective("smtpd_helo_required").lower() != "yes":
        yield Finding(
            "greeting-not-required",
            f"{greeting.restriction.name} is checked, and a client that does not greet passes it: require "
            "a greeting.",
            setting="inbound.smtpd_helo_required",
            where=_line(reading, greeting.list),
        )
    named = first(*_BY_NAME)
    if named and not named.trial and reading.effective("smtpd_peername_lookup").lower() == "no":
        yield Finding(
            "no-client-names",
            f"smtpd_peername_lookup is off, so no client has a name, and {named.restriction.name} refuses "
            "all of them.",
            grave=True,
            setting=f"inbound.{named.restriction.canonical}",
            where=_line(reading, named.list),
        )


def is_local(service: Service) -> bool:
    """Whether only this machine itself reaches a service."""
    host = service.endpoint[0] if service.endpoint else "localhost"
    return host.startswith("127.") or host in ("localhost", "::1")


def _line(reading: PostfixReading, name: str) -> str:
    assignment = reading.explicit(name)
    return f"main.cf, line {assignment.line}" if assignment else ""
