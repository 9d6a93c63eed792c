"""What the settings promise of the probe's messages: what becomes of each, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mtatui.backends.probing_letters import Kind, Letter
from mtatui.settings.current import Current, Reading
from mtatui.text import clean


class End(StrEnum):
    """What became of a message."""

    PASSED = "passed on"
    DISCARDED = "discarded"
    REJECTED = "rejected"
    BOUNCED = "bounced"
    REFUSED = "refused"
    """The listener would not have it, for good."""
    PUT_OFF = "put off"
    LOST = "not seen to end"


#: How the settings call what shall be done.
_DESTINIES = {
    "discard": End.DISCARDED,
    "pass": End.PASSED,
    "reject": End.REJECTED,
    "bounce": End.BOUNCED,
}
#: The switches that say who gets a notice.
_TELLS = {
    Kind.VIRUS: (
        ("administrator", "filtering.warn_virus_admin"),
        ("recipient", "filtering.warn_virus_recipient"),
    ),
    Kind.BLOCKED: (
        ("administrator", "inbound.blocked_extensions_notify_admin"),
        ("recipient", "inbound.blocked_extensions_notify_recipient"),
    ),
}


@dataclass(frozen=True, slots=True)
class Promise:
    """What the settings promise of one of the messages."""

    text: str
    destiny: End | None = None
    """What shall become of it; None: nothing is promised."""
    domain: str = ""
    doubt: str = ""
    """Why nobody could verify its signature."""
    tells: tuple[str, ...] = ()
    """Who gets a notice of it: some of ``administrator``, ``recipient``."""
    found_as: str = ""
    """As what amavis shall find it: its name for that."""


def promises(reading: Reading, letters: Mapping[Kind, Letter]) -> dict[Kind, Promise]:
    """What the settings promise of each of the messages."""
    found = {Kind.CLEAN: Promise("it arrives", End.PASSED)}
    for kind, switch, key, what, found_as in (
        (Kind.VIRUS, "filtering.antivirus", "filtering.virus_destiny", "a virus", "INFECTED"),
        (Kind.SPAM, "filtering.spam_kill_percent", "filtering.spam_destiny", "spam", "SPAM"),
    ):
        destiny = _DESTINIES.get(str(value(reading, key)))
        if value(reading, switch) in (None, False) or destiny is None:
            found[kind] = Promise(f"nothing ({_why_nothing(reading, switch)})")
        else:
            found[kind] = Promise(
                f"{what} is {destiny}", destiny, tells=_tells(reading, kind), found_as=found_as
            )
    blocked = value(reading, "inbound.blocked_extensions")
    if blocked:
        name = letters[Kind.BLOCKED].about
        found[Kind.BLOCKED] = Promise(
            f"{name} is blocked", End.DISCARDED, tells=_tells(reading, Kind.BLOCKED)
        )
    else:
        found[Kind.BLOCKED] = Promise("nothing (no extension is blocked)")
    verifies = value(reading, "filtering.verify_dkim") is True
    unverified = f"nothing ({_why_nothing(reading, 'filtering.verify_dkim')})"
    signed, forged = letters[Kind.SIGNED], letters[Kind.FORGED]
    domain = signed.about.partition("._domainkey.")[2]
    found[Kind.SIGNED] = (
        Promise("its signature is verified", End.PASSED, domain, signed.doubt)
        if verifies
        else Promise(unverified)
    )
    if value(reading, "filtering.always_signed_domains"):
        found[Kind.FORGED] = Promise(
            f"it counts as forged: {forged.about} always signs", End.DISCARDED, forged.about
        )
    elif verifies:
        found[Kind.FORGED] = Promise("its signature does not count", End.PASSED, forged.about)
    else:
        found[Kind.FORGED] = Promise(unverified)
    return found


def _tells(reading: Reading, kind: Kind) -> tuple[str, ...]:
    return tuple(who for who, key in _TELLS.get(kind, ()) if value(reading, key) is True)


def value(reading: Reading, key: str) -> Any:
    """A setting as it is; None for one that this server does not have."""
    current = reading.current.get(key)
    return None if current is None or current.unavailable else current.value


def _why_nothing(reading: Reading, key: str) -> str:
    current: Current | None = reading.current.get(key)
    if current is None:
        return "no filter that mtatui knows looks at mail"
    return clean(current.unavailable) or "that is off"
