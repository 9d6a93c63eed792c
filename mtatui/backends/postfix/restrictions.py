"""Restrictions of smtpd(8) as settings: whether one is off, on trial or enforced, and switching it.

Pure: `Lists` in, `Lists` out; `Lists.changes` says what to write. Token by token: what is not ours stays in
its order, with its comments and its layout, and off, on, off gives back the very text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtatui.backends.postfix.lists import (
    LISTS,
    Found,
    Lists,
    Restriction,
    insert,
    parse,
    put_on_trial,
    remove,
    rewrite,
)
from mtatui.backends.postfix.placing import GUARDS, MISMATCH, OWN, made, place, settle
from mtatui.settings.kinds import Trial, Zone

__all__ = ["LISTS", "MISMATCH", "Found", "Lists", "Restriction", "parse"]

RELAY, RECIPIENT, DATA = "smtpd_relay_restrictions", "smtpd_recipient_restrictions", "smtpd_data_restrictions"

#: The class in which mail of authenticated clients gets its header, and what leads there. Only where a
#: service offers AUTH: elsewhere smtpd(8) would warn of the check with each message. (Not ``!= {no}``: while
#: it reads its lists, smtpd has no defaults of switches yet.)
CLIENT_IP = "mtatui_client_ip"
_CLIENT_IP_CHECK = f"${{{{$smtpd_sasl_auth_enable}} == {{yes}} ? {{check_sasl_access static:{CLIENT_IP}}}}}"
_CLASSES = "smtpd_restriction_classes"
#: A list that rejects whatever it did not permit guards, too.
_GUARDS = (*GUARDS, "reject", "defer", "check_relay_domains")


# -- one restriction -----------------------------------------------------------------------------------------


def state(lists: Lists, name: str) -> tuple[Trial, str]:
    """What a restriction without an argument is, and the list in which it stands ("" where it is off).

    One that stands in several lists is what its strongest is.
    """
    return _strongest(found for found in lists.all() if found.restriction.is_a(name))


def switch(lists: Lists, name: str, to: Trial, home: str = "") -> Lists:
    """The lists with a restriction switched: where it stands; a new one where it is safe.

    Args:
        home: the list for a new one; "" for the best.
    """
    if state(lists, name)[0] is to:
        return lists
    lists = _turn(lists, [found for found in lists.all() if found.restriction.is_a(name)], to)
    return lists if state(lists, name)[0] is to else place(lists, name, _words(name, "", to), home)


# -- block lists ---------------------------------------------------------------------------------------------


def zones(lists: Lists, name: str) -> tuple[Zone, ...]:
    """The DNS block lists of one kind (``reject_rbl_client`` …), in the order in which they are asked."""
    asked: dict[str, list[Found]] = {}
    for found in _zones(lists, name):
        asked.setdefault(_key(found.restriction.argument), []).append(found)
    return tuple(Zone(same[0].restriction.argument, _strongest(same)[0]) for same in asked.values())


def set_zones(lists: Lists, name: str, wanted: Iterable[Zone], home: str = "") -> Lists:
    """The lists with exactly these block lists of one kind, asked in this order.

    Those that are there keep their places and their spelling; new ones go behind the one that precedes them.
    """
    states = {_key(zone.zone): zone for zone in wanted if zone.state is not Trial.OFF}
    for zone in zones(lists, name):
        to = states[_key(zone.zone)].state if _key(zone.zone) in states else Trial.OFF
        if to is not zone.state:
            lists = _turn(lists, _of_zone(lists, name, zone.zone), to)
    lists = _in_order(lists, name, list(states))
    behind = ""
    for key, zone in states.items():
        if not _of_zone(lists, name, zone.zone):
            lists = _add_zone(lists, name, zone, behind, home)
        behind = key
    return lists


def _zones(lists: Lists, name: str) -> list[Found]:
    return [found for found in lists.all() if found.restriction.is_a(name) and found.restriction.argument]


def _of_zone(lists: Lists, name: str, zone: str) -> list[Found]:
    return [found for found in _zones(lists, name) if _key(found.restriction.argument) == _key(zone)]


def _key(zone: str) -> str:
    """What makes two zones the same: names of the DNS know no case and may end in a dot."""
    domain, equals, replies = zone.partition("=")
    return domain.lower().removesuffix(".") + equals + replies


def _places(lists: Lists, name: str) -> list[Found]:
    """Where block lists stand; what is reached in two ways stands in one place all the same."""
    found: dict[tuple[str, int], Found] = {}
    for zone in _zones(lists, name):
        found.setdefault((zone.list, zone.at), zone)
    return list(found.values())


def _in_order(lists: Lists, name: str, order: list[str]) -> Lists:
    """The block lists that are there, in a new order on their old places."""
    places = _places(lists, name)
    moved = sorted(places, key=lambda found: order.index(_key(found.restriction.argument)))
    for slot, found in zip(places, moved, strict=True):
        if slot != found:
            raw = rewrite(lists.raw(slot.list), slot.at, str(found.restriction))
            lists = lists.put(slot.list, raw)
    return lists


def _add_zone(lists: Lists, name: str, zone: Zone, behind: str, home: str) -> Lists:
    text = _words(name, zone.zone, zone.state)
    there = _places(lists, name)
    if not there:
        return place(lists, name, text, home)
    before = [found for found in there if _key(found.restriction.argument) == behind]
    found, at = (before[-1], before[-1].at + 1) if before else (there[0], there[0].at)
    return lists.put(found.list, insert(lists.raw(found.list), at, text))


# -- relaying ------------------------------------------------------------------------------------------------


def relay_guard(lists: Lists) -> tuple[Trial, str]:
    """Whether strangers are kept from sending to other people's domains, and by which list.

    smtpd(8) evaluates both lists; a guard in either is enough. A list that rejects whatever it did not permit
    guards, too; what stands behind a bare ``permit`` is never reached.
    """
    return _strongest(guard for name in (RELAY, RECIPIENT) for guard in _guards(lists, name))


def guard_relay(lists: Lists) -> Lists:
    """The lists with a guard against relaying."""
    state, _ = relay_guard(lists)
    if state is Trial.ENFORCE:
        return lists
    if state is Trial.TRIAL:
        tried = [guard for name in (RELAY, RECIPIENT) for guard in _guards(lists, name)]
        return _turn(lists, tried, Trial.ENFORCE)
    return place(lists, GUARDS[0], GUARDS[0], RELAY)


def authentication_required(lists: Lists) -> bool:
    """Whether own networks, too, must authenticate to send to other people's domains."""
    return any(_decides(lists, name) and not _permits(lists, name, OWN[0]) for name in (RELAY, RECIPIENT))


def require_authentication(lists: Lists, required: bool) -> Lists:
    """The lists with ``permit_mynetworks`` taken from, or given to, those that decide about relaying.

    Without a guard nothing decides, and nothing is changed.
    """
    if authentication_required(lists) is required:
        return lists
    deciding = [name for name in (RELAY, RECIPIENT) if _decides(lists, name)]
    if required:
        for name in deciding[:1]:
            # Whoever authenticates must pass: a list that knew networks only would then refuse everybody.
            lists = _permit(lists, name, OWN[1])
            networks = [found for found in lists.walk(name) if found.restriction.is_a(OWN[0])]
            lists = _turn(lists, networks, Trial.OFF)
        return lists
    for name in deciding:
        if not _permits(lists, name, OWN[0]):
            lists = _permit(lists, name, OWN[0])
    return lists


def _permit(lists: Lists, name: str, permit: str) -> Lists:
    """The lists with a permit of own clients in front of the guard of one, where none is there."""
    if _permits(lists, name, permit):
        return lists
    lists = _said(lists, name)
    first = OWN[1] if permit == OWN[0] else permit
    found = next(found for found in lists.walk(name) if found.restriction.is_a(first, *_GUARDS))
    return settle(lists.put(found.list, insert(lists.raw(found.list), found.at, permit)), found.list)


def _guards(lists: Lists, name: str) -> Iterator[Found]:
    """What keeps strangers from relaying, as far as the list is evaluated for everybody."""
    for found in lists.walk(name):
        if found.restriction.is_a("permit"):
            return
        if found.restriction.is_a(*_GUARDS):
            yield found


def _decides(lists: Lists, name: str) -> bool:
    return any(not guard.trial for guard in _guards(lists, name))


def _permits(lists: Lists, name: str, permit: str) -> bool:
    """Whether own clients of a kind pass in front of the guard."""
    order = (found.restriction for found in lists.walk(name) if found.restriction.is_a(permit, *_GUARDS))
    return next((restriction.is_a(permit) for restriction in order), False)


# -- the address of authenticated clients in a header --------------------------------------------------------


def client_ip(lists: Lists) -> bool:
    """Whether mail of authenticated clients gets a header with their address."""
    return CLIENT_IP in lists.classes and bool(_client_ip(lists))


def set_client_ip(lists: Lists, on: bool, table: str) -> Lists:
    """The lists with, or without, a header with the address of authenticated clients.

    In the data stage, which is passed once a message and not once a recipient; in front of the permits there.
    Whoever is logged in is led into a restriction class, whose table prepends the header (access(5)).

    Args:
        table: with its type; see `mtatui.backends.postfix.tables.client_ip`.
    """
    if on is client_ip(lists):
        return lists
    if on:
        lists = _with(lists, DATA, 0, _CLIENT_IP_CHECK) if not _client_ip(lists) else lists
        if CLIENT_IP not in lists.classes:
            lists = _with(lists, _CLASSES, len(lists.restrictions(_CLASSES)), CLIENT_IP)
        return lists.put(CLIENT_IP, f" check_client_access {table}")
    for found in reversed(_client_ip(lists)):
        lists = _without(lists, found.list, found.at)
    lists = _without(lists, _CLASSES, lists.classes.index(CLIENT_IP))
    return lists.put(CLIENT_IP, None)


def _client_ip(lists: Lists) -> list[Found]:
    return [found for found in lists.walk(DATA) if str(found.restriction) == _CLIENT_IP_CHECK]


def _with(lists: Lists, name: str, at: int, text: str) -> Lists:
    """A parameter with something more; one that is empty in main.cf stays recognisable as that."""
    return lists.put(name, insert(lists.said[name], at, text) if name in lists.said else f" {text}")


def _without(lists: Lists, name: str, at: int) -> Lists:
    ours = lists.said[name] == f" {lists.restrictions(name)[at]}"
    return lists.put(name, None if ours else remove(lists.said[name], at))


# -- what they share -----------------------------------------------------------------------------------------


def _turn(lists: Lists, places: Iterable[Found], to: Trial) -> Lists:
    """The lists with restrictions taken away, put on trial or enforced where they stand."""
    for name, at in sorted({(found.list, found.at) for found in places}, reverse=True):
        lists = _said(lists, name)
        if to is Trial.OFF:
            lists = settle(lists.put(name, remove(lists.said[name], at)), name)
        else:
            lists = lists.put(name, put_on_trial(lists.said[name], at, to is Trial.TRIAL))
    return lists


def _said(lists: Lists, name: str) -> Lists:
    """The lists with a default written out."""
    return (
        lists
        if name in lists.said
        else lists.put(name, made([str(known) for known in lists.restrictions(name)]))
    )


def _strongest(places: Iterable[Found]) -> tuple[Trial, str]:
    first = ""
    for found in places:
        if not found.trial:
            return Trial.ENFORCE, found.list
        first = first or found.list
    return (Trial.TRIAL, first) if first else (Trial.OFF, "")


def _words(name: str, argument: str, to: Trial) -> str:
    return str(Restriction(name, argument, to is Trial.TRIAL))
