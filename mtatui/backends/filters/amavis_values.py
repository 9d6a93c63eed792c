"""What all controls of amavis share: what its variables and lists of tables come to, how they are changed.

Many of amavis's settings are lists of tables that are asked for each recipient (``@spam_kill_level_maps``),
of which the last is a variable (``$sa_kill_level_deflt``): what an admin put there stays where it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mtatui.backends.filters.amavis import Amavis
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Current
from mtatui.settings.kinds import Refused

MISSING = "amavis is not installed here (Debian: apt install amavisd-new)"
UNASKED = "no mail goes through amavis: nothing in Postfix names it"
Values = Mapping[str, Any]


class OfAmavis:
    """A setting that amavis has. What it is, is worked out of amavis's variables."""

    name = ""
    """The variable that it lives in."""
    names: tuple[str, ...] = ()
    """Others in which it may be said."""
    key = ""

    def current(self, reading: PostfixReading) -> Current:
        """What it is now."""
        empty = ALL[self.key].kind.empty
        amavis = reading.filters.amavis if reading.filters is not None else None
        if amavis is None or amavis.trouble:
            return Current(empty, empty, unavailable=MISSING if amavis is None else amavis.trouble)
        notes = [self.note(reading, amavis), "" if amavis.used(reading) else UNASKED]
        return Current(
            self.value(amavis, amavis.values),
            self.value(amavis, amavis.base),
            explicit=amavis.explicit(self.name, *self.names),
            where=amavis.place(self.name, *self.names),
            note="; ".join(filter(None, notes)),
        )

    def value(self, amavis: Amavis, values: Values) -> Any:
        """What it is with these variables."""
        raise NotImplementedError

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        """What must be known beside it."""
        return ""

    def write(self, draft: Draft, value: Any) -> None:
        """Have it become a value."""
        amavis = _there(draft)
        if not amavis.was.intact:
            draft.warn(f"{amavis.stands_at} was changed by hand; what mtatui does not know in it is lost.")
        draft.filters = replace(draft.filters, amavis=self.changed(draft, amavis, value))

    def changed(self, draft: Draft, amavis: Amavis, value: Any) -> Amavis:
        """Amavis with that value."""
        raise NotImplementedError


def _there(draft: Draft) -> Amavis:
    amavis = draft.filters.amavis
    if amavis is None or amavis.trouble:
        raise Refused(MISSING if amavis is None else amavis.trouble)
    return amavis


# -- what amavisd's lists of tables come to


def effective(values: Values, variable: str, maps: str) -> tuple[Any, bool]:
    """What a setting is for recipients of whom no table says anything, and whether tables go before it.

    Amavis takes the first table that knows the recipient; by itself the last one is the variable.
    """
    tables = False
    for one in values.get(maps) or ():
        if isinstance(one, Mapping) and "own" in one:
            return values.get(one["own"]), tables
        if isinstance(one, str):
            return one, tables
        if isinstance(one, Mapping) and "scalar" in one:
            if one["scalar"] is not None:
                return one["scalar"], tables
        elif one not in ({"table": "0"}, [], None):
            tables = True
    return values.get(variable), tables


def with_own(amavis: Amavis, variable: str, maps: str) -> Amavis:
    """Amavis whose list of tables has the variable at its end, where the admin has something else there."""
    there = amavis.get(maps) or []
    if any(isinstance(one, Mapping) and one.get("own") == variable for one in there):
        return amavis
    kept = [one for one in there if not isinstance(one, str)]
    return amavis.assign(maps, [*kept, {"own": variable}], f"(grep(ref, {maps}), \\${variable})")


def bypassed(values: Values, maps: str) -> bool:
    """Whether a check is left out for everybody."""
    found, _ = effective(values, "", maps)
    return found not in (None, "", "0")


def checked(amavis: Amavis, what: str) -> Amavis:
    """Amavis that does a check: tables of exceptions stay, what stands for everybody goes."""
    maps = f"@bypass_{what}_checks_maps"
    if not bypassed(amavis.values, maps):
        return amavis
    if not bypassed(amavis.base, maps):
        return amavis.assign(maps, amavis.base[maps])
    tables = f"(\\%bypass_{what}_checks, \\@bypass_{what}_checks_acl, \\$bypass_{what}_checks_re)"
    return amavis.assign(maps, [{"table": "0"}, [], {"scalar": None}], tables)


def checks_spam(values: Values) -> bool:
    """Whether mail is scored at all."""
    return not bypassed(values, "@bypass_spam_checks_maps") and bool(values.get("@spam_scanners"))


def with_scores(draft: Draft, amavis: Amavis) -> Amavis:
    """Amavis that scores mail: Debian's does not by itself."""
    if checks_spam(amavis.values):
        return amavis
    draft.say("Mail is scored by SpamAssassin from now on; so far amavis left that out.")
    return checked(amavis, "spam")


def checks_viruses(values: Values) -> bool:
    """Whether mail is checked for viruses: not left out, and there is something that does it."""
    scanners = bool(values.get("av") or values.get("av_backup"))
    return not bypassed(values, "@bypass_virus_checks_maps") and scanners
