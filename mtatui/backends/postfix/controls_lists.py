"""Controls of what stands in restriction lists: checks, block lists, who may relay, the client's address.

How lists are understood and changed, `restrictions` knows; here it meets settings and drafts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mtatui.backends.postfix import restrictions, tables
from mtatui.backends.postfix.controls import Control, Parameter, overrides
from mtatui.backends.postfix.draft import Draft, fit_for_a_line
from mtatui.backends.postfix.lists import LISTS, Lists, parse
from mtatui.backends.postfix.master_cf import Service
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current, Override
from mtatui.settings.kinds import Refused, RelayGuard, Restriction, Trial, Zones
from mtatui.text import clean

#: In front of own tables: Postfix expands it, so that a staged copy of the configuration names its own.
BELOW = "$config_directory/"

_UNREADABLE = (
    "the restriction lists are not well-formed (a { without its }, perhaps): mend them in main.cf first"
)


class Check:
    """A restriction without an argument: off, on trial, enforced."""

    def __init__(self, name: str) -> None:
        self.name = name

    def current(self, reading: PostfixReading) -> Current:
        """What it is now, and in which list."""
        lists = lists_of(reading)
        state, home = restrictions.state(lists, self.name)
        return Current(
            state,
            Trial.OFF,
            explicit=state is not Trial.OFF and reading.explicit(home) is not None,
            where=_where(reading, home),
            overrides=tuple(_otherwise(reading, self.name, home or self._home(reading, lists))),
        )

    def _home(self, reading: PostfixReading, lists: Lists) -> str:
        """The list in which it would stand, where that makes a difference to any service."""
        if not any(name in service.overrides for service in reading.services("smtpd") for name in LISTS):
            return ""
        return restrictions.state(restrictions.switch(lists, self.name, Trial.ENFORCE), self.name)[1]

    def write(self, draft: Draft, value: Trial) -> None:
        """Switch it, wherever it stands; a new one goes where it is safe."""
        lists = lists_of(draft.after)
        after = restrictions.switch(lists, self.name, value)
        if restrictions.state(after, self.name)[0] is not value:
            raise Refused(_UNREADABLE)
        put(draft, lists, after)
        draft.turned.setdefault(value, []).append(self.name)


class Guard:
    """Whether strangers are kept from sending through this server."""

    def current(self, reading: PostfixReading) -> Current:
        """What it is now, and in which list."""
        state, home = restrictions.relay_guard(lists_of(reading))
        return Current(
            state,
            Trial.ENFORCE,
            explicit=bool(home) and reading.explicit(home) is not None,
            where=_where(reading, home),
            overrides=tuple(_otherwise(reading, "reject_unauth_destination", home or restrictions.RELAY)),
            note="" if state is Trial.ENFORCE else "anybody can send through this server",
        )

    def write(self, draft: Draft, value: Trial) -> None:
        """Have them kept out; there is no way back here."""
        if value is not Trial.ENFORCE:
            raise Refused("without it anybody could send through this server; it is not taken away here")
        lists = lists_of(draft.after)
        put(draft, lists, restrictions.guard_relay(lists))
        draft.say("Strangers can no longer send through this server to other people's domains.")


class BlockLists:
    """The DNS block lists of one kind."""

    def __init__(self, name: str) -> None:
        self.name = name

    def current(self, reading: PostfixReading) -> Current:
        """Which are asked, in order."""
        lists = lists_of(reading)
        zones = restrictions.zones(lists, self.name)
        home = next((found.list for found in lists.all() if found.restriction.is_a(self.name)), "")
        return Current(
            zones,
            (),
            explicit=bool(zones),
            where=_where(reading, home),
            overrides=tuple(_otherwise(reading, self.name, home or restrictions.RECIPIENT)),
        )

    def write(self, draft: Draft, value: Any) -> None:
        """Have exactly these asked."""
        for zone in value:
            if re.search(r"[\s,{}#$]", fit_for_a_line(zone.zone)):
                raise Refused(f"{clean(zone.zone)} is no block list")
        lists = lists_of(draft.after)
        before = {zone.zone: zone.state for zone in restrictions.zones(lists, self.name)}
        wanted = {zone.zone: zone.state for zone in value if zone.state is not Trial.OFF}
        after = restrictions.set_zones(lists, self.name, value)
        if len(restrictions.zones(after, self.name)) != len(wanted):
            raise Refused(_UNREADABLE)
        put(draft, lists, after)
        for zone, state in wanted.items():
            if before.get(zone) is not state:
                draft.turned.setdefault(state, []).append(zone)
        if gone := [zone for zone in before if zone not in wanted]:
            draft.turned.setdefault(Trial.OFF, []).extend(gone)


class AuthenticationRequired:
    """Whether own networks, too, must authenticate to send to other people's domains."""

    def current(self, reading: PostfixReading) -> Current:
        """Whether they must."""
        lists = lists_of(reading)
        state, home = restrictions.relay_guard(lists)
        return Current(
            restrictions.authentication_required(lists),
            False,
            explicit=bool(home) and reading.explicit(home) is not None,
            where=_where(reading, home),
            overrides=tuple(overrides(reading, restrictions.RELAY, restrictions.RECIPIENT)),
            note=_who_offers(reading),
            unavailable=""
            if state is Trial.ENFORCE
            else "nobody is kept from relaying here: see “Only authorised clients may relay”",
        )

    def write(self, draft: Draft, value: bool) -> None:
        """Take permit_mynetworks from the lists that decide about relaying, or give it to them."""
        lists = lists_of(draft.after)
        after = restrictions.require_authentication(lists, value)
        if restrictions.authentication_required(after) is not value:
            raise Refused("the restriction lists leave no room for that; look at smtpd_relay_restrictions")
        put(draft, lists, after)
        draft.say(
            "Own networks must authenticate before they may send to other people's domains."
            if value
            else "Own networks may send to other people's domains without a password."
        )


class Authentication(Parameter):
    """Whether AUTH is offered, by default; services say otherwise more often than not."""

    def note(self, reading: PostfixReading, text: str) -> str:
        """Who offers it, and who demands it."""
        return _who_offers(reading)


class ClientAddress:
    """Whether mail of authenticated users gets a header with the address of their client."""

    table = f"{tables.TYPES[tables.CLIENT_IP]}:{BELOW}{tables.CLIENT_IP}"

    def current(self, reading: PostfixReading) -> Current:
        """Whether it does."""
        lists = lists_of(reading)
        on = restrictions.client_ip(lists)
        return Current(
            on,
            False,
            explicit=on,
            where=_where(reading, restrictions.CLIENT_IP) if on else "",
            overrides=tuple(overrides(reading, restrictions.DATA)),
        )

    def write(self, draft: Draft, value: bool) -> None:
        """Have it, by a table of ours in the data stage; or not."""
        lists = lists_of(draft.after)
        put(draft, lists, restrictions.set_client_ip(lists, value, self.table))
        path = f"{draft.before.config_directory}/{tables.CLIENT_IP}"
        if value:
            draft.write(path, tables.client_ip(), tables.MODES[tables.CLIENT_IP])
            draft.say("Mail of authenticated users gets a header X-Originating-IP with their address.")
        else:
            draft.write(path, None)
            draft.say("Mail no longer gets the header X-Originating-IP.")


def lists_of(reading: PostfixReading) -> Lists:
    """The restriction lists of a configuration."""
    return reading.derived("lists", _lists_of)


def _lists_of(reading: PostfixReading) -> Lists:
    defaults = {
        name: reading.expanded(reading.values.get(name, reading.defaults.get(name, "")))
        for name in (*LISTS, "smtpd_delay_reject")
    }
    offer = offering(reading)
    authenticated = {
        name
        for service in reading.services("smtpd")
        if service.name in offer
        for name in LISTS
        if name not in service.overrides
    }
    return Lists({name: reading.raw(name) for name in reading.main.names()}, defaults, authenticated)


def offering(reading: PostfixReading) -> list[str]:
    """The services that offer AUTH."""
    return [
        service.name
        for service in reading.services("smtpd")
        if reading.for_service(service, "smtpd_sasl_auth_enable").lower() == "yes"
    ]


def put(draft: Draft, before: Lists, after: Lists) -> None:
    """Take lists that were changed into a draft."""
    for name, raw in after.changes(before).items():
        draft.set_raw(name, raw or "")
        if raw is None:
            draft.unset(name)


def _where(reading: PostfixReading, name: str) -> str:
    if not name:
        return ""
    assignment = reading.explicit(name)
    return f"{name}, main.cf line {assignment.line}" if assignment else f"{name}, Postfix's default"


def _otherwise(reading: PostfixReading, restriction: str, home: str) -> Iterator[Override]:
    """The services whose own list takes the place of the one in which a check stands, and those that have
    the check in a list of their own."""
    for service in reading.services("smtpd"):
        for name in LISTS:
            value = service.overrides.get(name)
            if value is not None and (name == home or _names(reading.expanded(value), restriction)):
                where = f"master.cf, line {service.lines.get(name, service.line)}"
                yield Override(service.name, clean(f"{name}={value}"), where)


def _names(text: str, restriction: str) -> bool:
    return restriction in text and any(found.is_a(restriction) for found in parse(text))


def _who_offers(reading: PostfixReading) -> str:
    services = offering(reading)
    if not services:
        return "no service offers AUTH"
    demanding = [service.name for service in reading.services("smtpd") if _demands(reading, service)]
    return f"offered by {', '.join(services)}" + (
        f"; demanded by {', '.join(demanding)}" if demanding else "; demanded by none"
    )


def _demands(reading: PostfixReading, service: Service) -> bool:
    """Whether a service turns away whoever has not authenticated: a list of it lets nobody else pass."""
    for name in LISTS[:5]:
        found = parse(reading.for_service(service, name))
        if found and found[-1].is_a("reject", "defer") and not found[-1].trial:
            permits = [one for one in found[:-1] if one.name.lower().startswith("permit")]
            if permits and all(one.is_a("permit_sasl_authenticated") for one in permits):
                return True
    return False


def _controls() -> Iterator[tuple[str, Control]]:
    for key, setting in ALL.items():
        match setting.kind:
            case RelayGuard():
                yield key, Guard()
            case Restriction():
                yield key, Check(setting.directive)
            case Zones():
                yield key, BlockLists(setting.directive)
    yield "outbound.smtpd_sasl_auth_enable", Authentication(ALL["outbound.smtpd_sasl_auth_enable"])
    yield "outbound.require_authentication", AuthenticationRequired()
    yield "outbound.add_client_ip_header", ClientAddress()


CONTROLS = dict(_controls())
