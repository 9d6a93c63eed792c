"""What the settings promise of the probe's messages: what becomes of each, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mtatui.backends.probing.letters import Kind, Letter
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
        if (why := _why_nothing(reading, switch)) or destiny is None:
            found[kind] = Promise(f"nothing ({why or 'nobody says what becomes of it'})")
        else:
            found[kind] = Promise(
                f"{what} is {destiny}", destiny, tells=_tells(reading, kind), found_as=found_as
            )
    blocked, signed, forged = (letters[kind] for kind in (Kind.BLOCKED, Kind.SIGNED, Kind.FORGED))
    found[Kind.BLOCKED] = (
        Promise(f"{blocked.about} is blocked", End.DISCARDED, tells=_tells(reading, Kind.BLOCKED))
        if value(reading, "inbound.blocked_extensions")
        else Promise(f"nothing ({_why_not_blocked(reading)})")
    )
    unverified = _why_nothing(reading, "filtering.verify_dkim")
    found[Kind.SIGNED] = found[Kind.FORGED] = Promise(f"nothing ({unverified})")
    if not unverified:
        domain = signed.about.partition("._domainkey.")[2]
        found[Kind.SIGNED] = Promise("its signature is verified", End.PASSED, domain, signed.doubt)
        found[Kind.FORGED] = Promise("its signature does not count", End.PASSED, forged.about)
    if not _why_nothing(reading, "filtering.always_signed_domains"):
        words = f"it counts as forged: {forged.about} always signs"
        found[Kind.FORGED] = Promise(words, End.DISCARDED, forged.about)
    return found


def _why_not_blocked(reading: Reading) -> str:
    """Why no attachment is promised to be blocked; amavis may do so by the admin's own rules."""
    current = reading.current.get("inbound.blocked_extensions")
    if current is None or not current.note:
        return "no extension is blocked"
    return f"no extension is blocked here, but {clean(current.note)}"


def _tells(reading: Reading, kind: Kind) -> tuple[str, ...]:
    return tuple(who for who, key in _TELLS.get(kind, ()) if value(reading, key) is True)


def value(reading: Reading, key: str) -> Any:
    """A setting as it is; None for one that this server does not have."""
    current = reading.current.get(key)
    return None if current is None or current.unavailable else current.value


def _why_nothing(reading: Reading, key: str) -> str:
    """Why a switch promises nothing; "" where it does."""
    current: Current | None = reading.current.get(key)
    if current is None:
        return "no filter that mtatui knows looks at mail"
    if current.unavailable:
        return clean(current.unavailable)
    if current.value in (None, False, ()):
        return "that is off"
    return _idle(reading, key)


def _idle(reading: Reading, key: str) -> str:
    """Why amavis, as it is set up, does not do what its settings say; "" where it does."""
    filters = getattr(reading.source, "filters", None)
    if filters is None or filters.amavis is None:
        return ""
    from mtatui.backends.filters.amavis_values import checks_spam

    if not filters.amavis.used(reading.source):
        return "Postfix hands amavis no mail"
    if key == "filtering.spam_kill_percent" and not checks_spam(filters.amavis.values):
        return "amavis leaves out spam checks"
    return ""
