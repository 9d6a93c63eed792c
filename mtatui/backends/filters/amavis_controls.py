"""Controls of what amavis does with spam and viruses: read off what amavisd says, written to our file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mtatui.backends.filters.amavis import Amavis
from mtatui.backends.filters.amavis_perl import number, quote
from mtatui.backends.filters.amavis_postfix import knows_clients
from mtatui.backends.filters.amavis_values import (
    OfAmavis,
    Values,
    bypassed,
    checked,
    checks_spam,
    checks_viruses,
    effective,
    with_own,
    with_scores,
)
from mtatui.backends.postfix.controls import Control
from mtatui.backends.postfix.draft import Draft
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import to_percent, to_points
from mtatui.text import clean

#: What amavis's destinies are called here (Amavis/Conf.pm).
DESTINIES = {"0": "discard", "1": "pass", "-2": "bounce", "-3": "reject"}
_PERL_DESTINIES = {"discard": "D_DISCARD", "pass": "D_PASS", "bounce": "D_BOUNCE", "reject": "D_REJECT"}
#: The key of a kind of mail in %final_destiny_maps_by_ccat (CC_SPAM, CC_VIRUS), where nothing was changed.
_CATEGORIES = {"$final_spam_destiny": "6", "$final_virus_destiny": "9", "$final_banned_destiny": "8"}


class _OfSpam(OfAmavis):
    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if checks_spam(amavis.values):
            return ""
        where = amavis.place("@bypass_spam_checks_maps")
        return f"does nothing: amavis leaves out spam checks ({where})" if where else "mail is not scored"


class SubjectTag(_OfSpam):
    """A text in front of subjects; amavis wants the blank behind it written, too."""

    key, name, names = "filtering.spam_subject_tag", "$sa_spam_subject_tag", ("@spam_subject_tag2_maps",)
    _maps = "@spam_subject_tag2_maps"

    def value(self, amavis: Amavis, values: Values) -> str:
        found, _ = effective(values, "sa_spam_subject_tag", self._maps)
        return clean(str(found or "").strip(" "))

    def changed(self, draft: Draft, amavis: Amavis, value: str) -> Amavis:
        value = ALL[self.key].kind.parse(value)
        amavis = with_own(with_scores(draft, amavis) if value else amavis, "sa_spam_subject_tag", self._maps)
        draft.say(
            f"Subjects of mail that is marked as spam begin with {value}."
            if value
            else "Subjects of spam stay as they are; its headers tell all the same."
        )
        text = f"{value} " if value else ""
        return amavis.assign(self.name, text, quote(text))


class Level(_OfSpam):
    """A level of spam: SpamAssassin's points there, percent here."""

    def __init__(self, key: str, variable: str, maps: str) -> None:
        self.key, self.name, self.names, self._maps = key, f"${variable}", (maps,), maps
        self._variable = variable

    def value(self, amavis: Amavis, values: Values) -> float:
        points = self._points(values)
        empty: float = ALL[self.key].kind.empty
        return empty if points is None else to_percent(points)

    def _points(self, values: Values) -> float | None:
        found, _ = effective(values, self._variable, self._maps)
        try:
            return float(found)
        except (TypeError, ValueError):
            return None

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        found, tables = effective(amavis.values, self._variable, self._maps)
        notes = [super().note(reading, amavis)]
        if self._points(amavis.values) is None:
            notes.append(
                "amavis has no such level: no mail reaches it"
                if found is None
                else f'"{clean(str(found))}" is no number: amavis takes it as 0'
            )
        if tables:
            notes.append(f"recipients in the tables of {self._maps} have levels of their own")
        return "; ".join(filter(None, notes))

    def changed(self, draft: Draft, amavis: Amavis, value: float) -> Amavis:
        amavis = with_own(with_scores(draft, amavis), self._variable, self._maps)
        points = to_points(value)
        amavis = amavis.assign(self.name, number(points))
        if self._variable == "sa_tag2_level_deflt":
            return self._tagged(draft, amavis, points)
        return self._cut(draft, amavis, points)

    def _tagged(self, draft: Draft, amavis: Amavis, points: float) -> Amavis:
        """The headers that tell the score must be there from this level on."""
        amavis = amavis.assign("$sa_tag_level_deflt", amavis.base.get("sa_tag_level_deflt"))
        headers = _float(amavis.get("$sa_tag_level_deflt"))
        draft.say(f"Mail is marked as spam from {number(points)} points on.")
        if headers is not None and headers > points:
            amavis = amavis.assign("$sa_tag_level_deflt", number(points))
        return amavis

    def _cut(self, draft: Draft, amavis: Amavis, points: float) -> Amavis:
        """Beyond a third more no sender is told; a cut-off of the quarantine, where there is one, follows."""
        draft.say(f"Mail is stopped as spam from {number(points)} points on.")
        base = amavis.base
        if _float(base.get(self._variable)) == points:
            for name in ("sa_dsn_cutoff_level", "sa_quarantine_cutoff_level"):
                amavis = amavis.assign(f"${name}", base.get(name))
            return amavis
        amavis = amavis.assign("$sa_dsn_cutoff_level", number(points * 4 / 3))
        quarantine = _float(base.get("sa_quarantine_cutoff_level"))
        if quarantine is not None:
            level = max(quarantine, points * 2)
            amavis = amavis.assign("$sa_quarantine_cutoff_level", number(level))
        return amavis


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


class Destiny(OfAmavis):
    """What becomes of mail in which something was found."""

    def __init__(self, key: str, name: str) -> None:
        self.key, self.name = key, name
        self.names = ("%final_destiny_maps_by_ccat",)
        self._category = _CATEGORIES[name]

    def value(self, amavis: Amavis, values: Values) -> str:
        by_category = (values.get("destinies") or {}).get(self._category, "CODE")
        number = (
            by_category
            if isinstance(by_category, str) and by_category != "CODE"
            else values.get(self.name[1:])
        )
        return DESTINIES.get(str(number), clean(str(number)))

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if self.name == "$final_spam_destiny" and not checks_spam(amavis.values):
            return "does nothing: amavis leaves out spam checks"
        if self.name == "$final_virus_destiny" and not checks_viruses(amavis.values):
            return "does nothing: amavis leaves out virus checks"
        if isinstance((amavis.get("destinies") or {}).get(self._category), list | Mapping):
            return "recipients in the tables of %final_destiny_maps_by_ccat may have it otherwise"
        return ""

    def changed(self, draft: Draft, amavis: Amavis, value: str) -> Amavis:
        number = next(number for number, word in DESTINIES.items() if word == value)
        what = "Spam beyond doubt" if self._category == "6" else "Mail with a virus"
        draft.say(f"{what}, from now on: {_FATES[value]}.")
        destinies = amavis.get("destinies") or {}
        if destinies.get(self._category, "CODE") != "CODE":
            amavis = amavis.say(f"$final_destiny_maps_by_ccat{{'{self._category}'}}", _PERL_DESTINIES[value])
            amavis = replace(
                amavis, values={**amavis.values, "destinies": {**destinies, self._category: number}}
            )
        if self._category == "6":
            amavis = with_scores(draft, amavis)
        return amavis.assign(self.name, number, _PERL_DESTINIES[value])


_FATES = {
    "discard": "it is discarded, and nobody is told",
    "pass": "it is delivered, with what was found in its header",
    "bounce": "it goes back to its sender",
    "reject": "it is refused, which makes Postfix send it back to its sender",
}


class Flag(OfAmavis):
    """A variable that is on or off."""

    def __init__(self, key: str, variable: str, maps: str, on: str, off: str) -> None:
        """``on`` and ``off`` say what it means."""
        self.key, self.name, self._maps = key, f"${variable}", maps
        self.names = (maps,) if maps else ()
        self._on, self._off = on, off

    @staticmethod
    def _is(found: Any) -> bool:
        return found not in (None, "", "0")

    def value(self, amavis: Amavis, values: Values) -> bool:
        found = values.get(self.name[1:])
        if self._maps:
            found, _ = effective(values, self.name[1:], self._maps)
        return self._is(found)

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if self._maps and effective(amavis.values, self.name[1:], self._maps)[1]:
            return f"recipients in the tables of {self._maps} may have it otherwise"
        return ""

    def changed(self, draft: Draft, amavis: Amavis, value: bool) -> Amavis:
        draft.say(self._on if value else self._off)
        if self._maps:
            amavis = with_own(amavis, self.name[1:], self._maps)
        there = amavis.base.get(self.name[1:])
        # What is so without us may be written in many ways.
        return amavis.assign(self.name, there if self._is(there) == value else "1" if value else "0")


class CheckOutgoing(_OfSpam):
    """Whether mail of our own is scored, too. Amavis knows it by policy banks: MYNETS is its name for mail
    from one's own networks, ORIGINATING the customary one for that of authenticated users."""

    key, name, names = (
        "filtering.check_outgoing",
        "%policy_bank",
        (
            "$policy_bank{'MYNETS'}{'bypass_spam_checks_maps'}",
            "$policy_bank{'MYNETS'}",
        ),
    )
    _OURS = ("MYNETS", "ORIGINATING")

    def value(self, amavis: Amavis, values: Values) -> bool:
        return checks_spam(values) and not any(self._spared(values, bank) for bank in self._banks(values))

    def _banks(self, values: Values) -> Sequence[str]:
        """Those through which mail of our own comes."""
        banks: Mapping[str, Any] = values.get("banks") or {}
        marked = [name for name, bank in banks.items() if bank.get("originating") not in (None, "", "0")]
        return tuple(dict.fromkeys(["MYNETS", *(["ORIGINATING"] if "ORIGINATING" in banks else []), *marked]))

    @staticmethod
    def _spared(values: Values, bank: str) -> bool:
        said = (values.get("banks") or {}).get(bank, {}).get("bypass_spam_checks_maps")
        return bypassed({"@": said if isinstance(said, list) else [said]}, "@")

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if said := super().note(reading, amavis):
            return said
        spared = [bank for bank in self._banks(amavis.values) if self._spared(amavis.values, bank)]
        if spared and len(spared) < len(self._banks(amavis.values)):
            return f"not in every way: left out for the policy bank {', '.join(map(clean, spared))} only"
        if not spared and not knows_clients(reading, amavis):
            return "amavis does not learn which client a message came from: all mail is scored"
        return ""

    def changed(self, draft: Draft, amavis: Amavis, value: bool) -> Amavis:
        if value:
            amavis = with_scores(draft, amavis)
            draft.say("Mail that goes out is scored like mail that comes in.")
            for bank in self._banks(amavis.values):
                if self._spared(amavis.values, bank):
                    amavis = self._bank(amavis, bank, [])
            return amavis
        if amavis.used(draft.after) and not knows_clients(draft.after, amavis):
            raise Refused(
                "amavis does not learn which client a message came from, so all mail would pass as your own: "
                "set smtp_send_xforward_command=yes for its transport in master.cf first"
            )
        draft.say("Mail from your own networks is not scored; viruses are looked for in it all the same.")
        for bank in dict.fromkeys([*self._OURS, *self._banks(amavis.values)]):
            if not self._spared(amavis.values, bank):
                amavis = self._bank(amavis, bank, ["1"])
        return amavis

    def _bank(self, amavis: Amavis, name: str, maps: list[str]) -> Amavis:
        banks: dict[str, Any] = dict(amavis.get("banks") or {})
        banks[name] = {**banks.get(name, {}), "bypass_spam_checks_maps": maps}
        amavis = replace(amavis, values={**amavis.values, "banks": banks})
        target = f"$policy_bank{{{quote(name)}}}{{'bypass_spam_checks_maps'}}"
        own = not maps and not self._spared(amavis.base, name)
        return amavis.say(target, None if own else "[1]" if maps else "[]")


class Antivirus(OfAmavis):
    """Whether mail is checked for viruses."""

    key, name = "filtering.antivirus", "@bypass_virus_checks_maps"

    def value(self, amavis: Amavis, values: Values) -> bool:
        return checks_viruses(values)

    def note(self, reading: PostfixReading, amavis: Amavis) -> str:
        if bypassed(amavis.values, self.name):
            return ""
        if not (amavis.get("av") or amavis.get("av_backup")):
            return "amavis knows no scanner (@av_scanners is empty)"
        _, tables = effective(amavis.values, "", self.name)
        return f"left out for those in the tables of {self.name}" if tables else ""

    def changed(self, draft: Draft, amavis: Amavis, value: bool) -> Amavis:
        if not value:
            draft.say("Nothing is looked for viruses: they are delivered like any other mail.")
            return amavis.assign(self.name, ["1"], "(1)")
        amavis = checked(amavis, "virus")
        if not (amavis.get("av") or amavis.get("av_backup")):
            amavis = self._with_clamd(draft, amavis)
        draft.say("Mail is checked for viruses: while no scanner answers, it waits.")
        return amavis

    def _with_clamd(self, draft: Draft, amavis: Amavis) -> Amavis:
        """Amavis that asks clamd, as Debian's @av_scanners has it."""
        clamd = draft.filters.clamd
        socket = clamd.conf.get("LocalSocket") if clamd is not None else None
        if not socket:
            raise Refused("there is no scanner: install clamav-daemon, with a LocalSocket in clamd.conf")
        pattern = r"qr/^.*?: (?!Infected Archive)(.*) FOUND$/m"
        entry = (
            f"(['ClamAV-clamd', \\&ask_daemon, [\"CONTSCAN {{}}\\n\", {quote(socket)}], "
            f"qr/\\bOK$/m, qr/\\bFOUND$/m, {pattern}])"
        )
        amavis = amavis.say("@av_scanners", entry)
        return replace(amavis, values={**amavis.values, "av": [["ClamAV-clamd", "CODE", ["", socket]]]})


CONTROLS: dict[str, Control] = {
    control.key: control
    for control in (
        SubjectTag(),
        Level("filtering.spam_tag_percent", "sa_tag2_level_deflt", "@spam_tag2_level_maps"),
        Level("filtering.spam_kill_percent", "sa_kill_level_deflt", "@spam_kill_level_maps"),
        Destiny("filtering.spam_destiny", "$final_spam_destiny"),
        CheckOutgoing(),
        Flag(
            "filtering.verify_dkim",
            "enable_dkim_verification",
            "",
            "DKIM signatures are verified.",
            "DKIM signatures are no longer verified by amavis.",
        ),
        Antivirus(),
        Destiny("filtering.virus_destiny", "$final_virus_destiny"),
        Flag(
            "filtering.warn_virus_recipient",
            "warnvirusrecip",
            "@warnvirusrecip_maps",
            "Recipients of your domains are told that a virus was stopped.",
            "Recipients are not told of viruses.",
        ),
    )
}
