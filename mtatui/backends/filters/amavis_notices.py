"""Controls of whom amavis tells what, and of attachments that it bans by the ends of their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtatui.backends.filters.amavis import Amavis
from mtatui.backends.filters.amavis_controls import Flag
from mtatui.backends.filters.amavis_perl import quote
from mtatui.backends.filters.amavis_values import OfAmavis, Values, bypassed, effective, with_own
from mtatui.backends.postfix.controls import Control
from mtatui.backends.postfix.controls_tables import BlockedExtensions
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current
from mtatui.settings.kinds import Refused
from mtatui.text import clean

ALONE = "that takes amavis, which is not set up here; Postfix alone tells nobody but the sender"
_KEPT = "our $mtatui_admin_address"
_VIRUS, _BANNED = "$virus_admin", "$banned_admin"


def address(values: Values) -> str:
    """Where the administrator's notices go, or would go."""
    for name in ("mtatui_admin_address", "virus_admin", "banned_admin"):
        if isinstance(found := values.get(name), str) and found.strip():
            return clean(found.strip())
    return ""


def _told(values: Values, of_viruses: bool) -> bool:
    """Whether the administrator gets notices."""
    for one in values.get("@virus_admin_maps" if of_viruses else "@banned_admin_maps") or ():
        found, _ = effective({**values, "@": [one]}, "", "@")
        if found is not None:
            return bool(str(found).strip())
    return False


class TellAdmin(OfAmavis):
    """Whether the administrator is told: amavis wants an address where there shall be a notice."""

    def __init__(self, key: str, name: str) -> None:
        self.key, self.name = key, name
        self.names = (f"@{name[1:]}_maps", *((_VIRUS,) if name == _BANNED else ()))

    def value(self, amavis: Amavis, values: Values) -> bool:
        return _told(values, self.name == _VIRUS)

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if self.value(amavis, amavis.values):
            where = amavis.get(self.name)
            there = address(amavis.values)
            return f"to {clean(where)}" if isinstance(where, str) and where and where != there else ""
        return ""

    def changed(self, draft: Draft, amavis: Amavis, value: bool) -> Amavis:
        there = address(amavis.values)
        if value and not there:
            domain = draft.after.effective("mydomain")
            there = f"postmaster@{domain}"
            draft.say(f"The administrator's address is {there}.")
        what = "viruses" if self.name == _VIRUS else "blocked attachments"
        draft.say(
            f"{there} gets a notice of {what}." if value else f"The administrator hears nothing of {what}."
        )
        amavis = with_own(amavis, self.name[1:], f"@{self.name[1:]}_maps")
        told = {name: _told(amavis.values, name == _VIRUS) for name in (_VIRUS, _BANNED)}
        return _settled(amavis, there, {**told, self.name: value})


def _settled(amavis: Amavis, there: str, told: Mapping[str, bool]) -> Amavis:
    """Amavis that tells this address these things. What is so without us is left alone; ``$banned_admin``,
    where nobody says it, is what ``$virus_admin`` is. Our file remembers the address while nobody is told."""
    base = amavis.base
    alone = there == address(base)
    for name in (_VIRUS, _BANNED):
        alone = alone and told[name] == _told(base, name == _VIRUS)
        if alone or (name == _BANNED and base.get("banned_admin") and there == address(base) and told[name]):
            amavis = amavis.assign(name, base.get(name[1:]))
        else:
            text = there if told[name] else ""
            amavis = amavis.assign(name, text, quote(text))
    amavis = amavis.say(_KEPT, None)
    amavis = replace(amavis, values={**amavis.values, "mtatui_admin_address": None})
    if address(amavis.values) != there:
        amavis = amavis.say(_KEPT, quote(there))
        amavis = replace(amavis, values={**amavis.values, "mtatui_admin_address": there})
    return amavis


class AdminAddress(OfAmavis):
    """Where notices go, whether there are any or not."""

    key, name, names = "filtering.admin_address", _VIRUS, (_BANNED,)

    def value(self, amavis: Amavis, values: Values) -> str:
        return address(values)

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if not any(_told(amavis.values, of_viruses) for of_viruses in (True, False)):
            return "nobody is told anything: both notices are off"
        found = address(amavis.values)
        return f"{found} is no complete address: notices get lost" if found and found.endswith("@") else ""

    def changed(self, draft: Draft, amavis: Amavis, value: str) -> Amavis:
        value = ALL[self.key].kind.parse(value)
        told = {name: _told(amavis.values, name == _VIRUS) for name in (_VIRUS, _BANNED)}
        if any(told.values()) and not value:
            raise Refused("notices go there; switch them off first")
        draft.say(
            f"The administrator's notices go to {value}." if value else "There is no address for notices."
        )
        return _settled(amavis, value, told)


# -- attachments


class Banned(OfAmavis):
    """Attachments that are stopped by the ends of their names: by amavis where mail goes through it, which
    looks into archives, too; else by Postfix's table."""

    key, name, names = "inbound.blocked_extensions", "$banned_filename_re", ("%banned_rules",)

    def __init__(self) -> None:
        self._postfix = BlockedExtensions()

    def current(self, reading: PostfixReading) -> Current:
        amavis = _asked(reading)
        there = self._postfix.current(reading)
        if amavis is None:
            return there
        if amavis.trouble:
            return replace(there, note=amavis.trouble)
        value = tuple(dict.fromkeys([*amavis.own.extensions, *there.value]))
        where = amavis.stands_at.rpartition("/")[2] if amavis.own.extensions else ""
        return Current(
            value,
            (),
            explicit=bool(value),
            where="; ".join(filter(None, (where, there.where))),
            overrides=there.overrides if there.value else (),
            note=self.note(reading, amavis),
        )

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if amavis.own.extensions and not _bans(amavis.values):
            return "does nothing: amavis lets banned files pass (see $final_banned_destiny)"
        where = amavis.place("$banned_filename_re", "%banned_rules")
        if where and not where.startswith(amavis.stands_at.rpartition("/")[2] or "/"):
            return f"amavis bans more by rules of its own ({where})"
        return ""

    def write(self, draft: Draft, value: Any) -> None:
        amavis = _asked(draft.after)
        if amavis is None:
            self._postfix.write(draft, value)
            return
        if self._postfix.current(draft.before).value:
            self._postfix.write(draft, ())
            draft.words.remove("Attachments are no longer refused by their names.")
            draft.say("What Postfix's table refused so far, amavis stops from now on, in archives, too.")
        super().write(draft, value)

    def changed(self, draft: Draft, amavis: Amavis, value: Sequence[str]) -> Amavis:
        extensions = tuple(ALL[self.key].kind.load(list(value)))
        amavis = replace(amavis, own=replace(amavis.own, extensions=extensions))
        if not extensions:
            draft.say("Attachments are no longer stopped by the lists of this page.")
            return amavis
        if amavis.get("$final_banned_destiny") == "1":
            amavis = amavis.assign("$final_banned_destiny", "0", "D_DISCARD")
            draft.say("Mail with banned files was delivered by amavis so far; it is discarded from now on.")
        maps = "@bypass_banned_checks_maps"
        if bypassed(amavis.values, maps):
            tables = "(\\%bypass_banned_checks, \\@bypass_banned_checks_acl, \\$bypass_banned_checks_re)"
            amavis = amavis.assign(maps, [{"table": "0"}, [], {"scalar": None}], tables)
        names = [f".{extension}" for extension in extensions]
        some = ", ".join(names) if len(names) <= 8 else f"{', '.join(names[:6])} and {len(names) - 6} others"
        draft.say(
            f"Mail with a file whose name ends in one of {some} is stopped by amavis, also inside archives."
        )
        return amavis


def _asked(reading: PostfixReading) -> Amavis | None:
    """Amavis, where mail goes through it."""
    amavis = reading.filters.amavis if reading.filters is not None else None
    return amavis if amavis is not None and amavis.used(reading) else None


def _bans(values: Values) -> bool:
    return values.get("final_banned_destiny") != "1" and not bypassed(values, "@bypass_banned_checks_maps")


class _OfBanned:
    """A notice of blocked attachments: only amavis sends it."""

    def __init__(self, control: OfAmavis) -> None:
        self._control = control

    def current(self, reading: PostfixReading) -> Current:
        """What it is now."""
        if _asked(reading) is None:
            return Current(False, False, unavailable=ALONE)
        return self._control.current(reading)

    def write(self, draft: Draft, value: Any) -> None:
        """Have it become a value."""
        if _asked(draft.after) is None:
            raise Refused(ALONE)
        self._control.write(draft, value)


_ADMIN, _RECIPIENT = (f"inbound.blocked_extensions_notify_{who}" for who in ("admin", "recipient"))

CONTROLS: dict[str, Control] = {
    Banned.key: Banned(),
    _ADMIN: _OfBanned(TellAdmin(_ADMIN, _BANNED)),
    _RECIPIENT: _OfBanned(
        Flag(
            _RECIPIENT,
            "warnbannedrecip",
            "@warnbannedrecip_maps",
            "Recipients of your domains are told that an attachment was blocked.",
            "Recipients are not told of blocked attachments.",
        )
    ),
    "filtering.warn_virus_admin": TellAdmin("filtering.warn_virus_admin", _VIRUS),
    AdminAddress.key: AdminAddress(),
}
