"""Where a restriction that is switched on goes: into which list, and where in it, so that own clients pass.

It stands behind the permits of own clients, behind the guard against relaying and the admin's access maps,
in front of block lists, policy services and the final permit or reject: what costs little is asked first,
and whoever the admin lets through stays through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mtatui.backends.postfix.lists import Lists, Restriction, insert, parse

RECIPIENT, SENDER = "smtpd_recipient_restrictions", "smtpd_sender_restrictions"
CLIENT, HELO = "smtpd_client_restrictions", "smtpd_helo_restrictions"

#: The checks that the pages know and some neighbours, in the order in which they shall stand (the mail
#: systems descended from Zimbra have had it for years), each with the list that bears its name.
_CHECKS = {
    "reject_non_fqdn_recipient": RECIPIENT,
    "reject_unlisted_recipient": RECIPIENT,
    "reject_invalid_helo_hostname": HELO,
    "reject_non_fqdn_helo_hostname": HELO,
    "reject_non_fqdn_sender": SENDER,
    "reject_unlisted_sender": SENDER,
    "reject_unknown_client_hostname": CLIENT,
    "reject_unknown_reverse_client_hostname": CLIENT,
    "reject_unknown_helo_hostname": HELO,
    "reject_unknown_sender_domain": SENDER,
    "reject_unknown_recipient_domain": RECIPIENT,
    "reject_unverified_sender": SENDER,
    "reject_unverified_recipient": RECIPIENT,
    "permit_dnswl_client": RECIPIENT,
    "permit_rhswl_client": RECIPIENT,
    "reject_rbl_client": RECIPIENT,
    "reject_rhsbl_client": RECIPIENT,
    "reject_rhsbl_reverse_client": RECIPIENT,
    "reject_rhsbl_helo": RECIPIENT,
    "reject_rhsbl_sender": RECIPIENT,
    "reject_rhsbl_recipient": RECIPIENT,
}
#: Ranks: the permits of own clients and the guard, the admin's maps, the checks, policy services.
_MUST, _MAP = -2, -1
_RANKS = {name: rank for rank, name in enumerate(_CHECKS)}
_LATE = _RANKS["permit_dnswl_client"]
_POLICY = len(_RANKS)

MISMATCH = "reject_sender_login_mismatch"
OWN = ("permit_mynetworks", "permit_sasl_authenticated")
GUARDS = ("reject_unauth_destination", "defer_unauth_destination")
_TLS = re.compile(r"permit_tls_", re.IGNORECASE)
_ACCESS = re.compile(r"check_\w+_access$|[a-z_]+:", re.IGNORECASE | re.ASCII)
#: What ends a list for everybody.
FINAL = ("permit", "reject", "defer")

#: The lines with which a list, or our part of one, begins. The second stands where the list was empty or
#: had no permits before; with the first the whole list is ours, and goes when it has nothing to do any more.
MADE = "# Written by mtatui, the whole list."
ADDED = "# Written by mtatui: own clients pass here."


def place(lists: Lists, name: str, text: str, home: str = "") -> Lists:
    """The lists with a restriction more.

    Args:
        name: of the restriction, for its place.
        text: as it shall stand there, with its argument.
        home: the list in which it is wanted; "" for the best one.
    """
    home = home or _home(lists, name)
    raw = lists.raw(home)
    if home not in lists.said:
        lists = lists.put(home, made([str(known) for known in parse(raw)] or OWN))
    elif not parse(raw):
        lists = lists.put(home, _block(ADDED, OWN) + raw)
    elif name != MISMATCH and not _protected(lists, home):
        end = _end(parse(raw))
        at = parse(raw)[end - 1].end if end else 0
        block = _block(ADDED, OWN)
        lists = lists.put(home, raw[:at] + (f",{block}" if end else f"{block},") + raw[at:])
    raw = lists.raw(home)
    return lists.put(home, insert(raw, _position(lists, home, name), text))


def made(restrictions: Sequence[str]) -> str:
    """The raw text of a list that main.cf did not have."""
    return _block(MADE, restrictions)


def settle(lists: Lists, name: str) -> Lists:
    """The lists without what we had put into one to make room for checks, once there are no checks in it."""
    raw = lists.said[name]
    default = [str(known) for known in parse(lists.defaults.get(name, ""))]
    if raw == made(default or OWN):
        return lists.put(name, None)
    block = re.escape(_block(ADDED, OWN))
    match = re.search(rf",{block}(?![^\s,])|{block},|{block}(?!\S)", raw)
    if match and _end(parse(raw[match.end() :])) == 0:
        return lists.put(name, raw[: match.start()] + raw[match.end() :])
    return lists


def _block(heading: str, restrictions: Sequence[str]) -> str:
    return f"\n{heading}\n    " + ",\n    ".join(restrictions)


def _home(lists: Lists, name: str) -> str:
    """The list for a new restriction: one that lets own clients pass, else one where nothing stands yet."""
    if name == MISMATCH:
        return SENDER
    own = _CHECKS.get(name, RECIPIENT)
    if _RANKS.get(name, 0) >= _LATE:
        own = next((found.list for found in lists.all() if _late(found.restriction)), own)
    usable: tuple[str, ...] = (RECIPIENT, SENDER, HELO, CLIENT)
    if lists.raw("smtpd_delay_reject").strip() == "no":
        usable = (RECIPIENT,)  # the others are evaluated before anybody can have authenticated
    for home in (own, RECIPIENT):
        if home in usable and _protected(lists, home):
            return home
    for home in (RECIPIENT, own, *usable):
        if home in usable and (not parse(lists.raw(home)) or _protected(lists, home)):
            return home
    return RECIPIENT


def _protected(lists: Lists, name: str) -> bool:
    """Whether own clients pass before what is added to a list."""
    permit = OWN[name in lists.authenticated]
    return any(found.restriction.is_a(permit) for found in lists.walk(name))


def _position(lists: Lists, home: str, name: str) -> int:
    restrictions = lists.restrictions(home)
    end = _end(restrictions)
    ranks = [_rank(lists, restriction) for restriction in restrictions[:end]]
    if name == MISMATCH:
        # Those who have authenticated are whom it is about: it must come before they are let through.
        end = next((at for at in range(end) if _permits_logins(lists, restrictions[at])), end)
        return _behind(ranks, 0, end, _MAP)
    rank = _RANKS.get(name, 0)
    start = _behind(ranks, 0, end, _MUST)
    start = _behind(ranks, start, _above(ranks, start, end, max(rank, _LATE - 1)), _MAP)
    return _behind(ranks, start, _above(ranks, start, end, rank), rank)


def _behind(ranks: list[int | None], start: int, end: int, rank: int) -> int:
    """Behind the last one of a rank or less."""
    return max(
        (at + 1 for at in range(start, end) if (r := ranks[at]) is not None and r <= rank), default=start
    )


def _above(ranks: list[int | None], start: int, end: int, rank: int) -> int:
    """In front of the first one of a higher rank."""
    return min((at for at in range(start, end) if (r := ranks[at]) is not None and r > rank), default=end)


def _rank(lists: Lists, restriction: Restriction) -> int | None:
    """Where a restriction belongs; None where nobody can say. Classes are what they begin with."""
    name = restriction.canonical
    if name in OWN or name in GUARDS or _TLS.match(name):
        return _MUST
    if _ACCESS.match(name):
        return _MAP
    if name == "check_policy_service":
        return _POLICY
    if name in _RANKS:
        return _RANKS[name]
    inner = lists.walk(reference) if (reference := lists.refers(restriction)) else ()
    return next((rank for found in inner if (rank := _rank(lists, found.restriction)) is not None), None)


def _permits_logins(lists: Lists, restriction: Restriction) -> bool:
    """Whether those who have authenticated pass here, by itself or by what it stands for."""
    inner = lists.walk(reference) if (reference := lists.refers(restriction)) else ()
    within = (restriction, *(found.restriction for found in inner))
    return any(one.is_a(OWN[1]) or _TLS.match(one.name) for one in within)


def _late(restriction: Restriction) -> bool:
    return _RANKS.get(restriction.canonical, 0) >= _LATE


def _end(restrictions: tuple[Restriction, ...]) -> int:
    """The position of what ends the list for everybody, or behind all."""
    ends = (at for at, restriction in enumerate(restrictions) if restriction.is_a(*FINAL))
    return next(ends, len(restrictions))
