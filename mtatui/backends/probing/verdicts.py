"""What became of the probe's messages against what the settings promise: kept, broken, cannot tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mtatui.backends.probing.letters import FORGER, Kind, Letter
from mtatui.backends.probing.promises import End, Promise
from mtatui.text import clean


class Verdict(StrEnum):
    """How what happened stands to what was promised."""

    KEPT = "kept"
    BROKEN = "broken"
    UNKNOWN = "cannot tell"
    NOTHING = "nothing promised"


#: How amavis calls what it did with what it blocked (``actions_performed``).
_ACTIONS = {
    "Discarded": End.DISCARDED,
    "Rejected": End.REJECTED,
    "Bounced": End.BOUNCED,
    "NoBounce": End.BOUNCED,
    "TempFailed": End.PUT_OFF,
}
#: Points more than the clean message's that a message gets at least where it counts as forged.
FORGED = 5.0
_NOTICES = {
    "VA": "the administrator",
    "SA": "the administrator",
    "VR": "the recipient",
    "VS": "the sender",
    "SS": "the sender",
    "DSN": "the sender",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What happened to a message, and the verdict."""

    verdict: Verdict
    happened: str
    end: End


def judge(
    letter: Letter,
    promise: Promise,
    told: Mapping[str, Any],
    clean_told: Mapping[str, Any] | None,
    *,
    outgoing_checked: bool = True,
) -> Judged:
    """The verdict on one message.

    Args:
        told: its ``reply`` and ``facts``, as `mtatui.backends.chain` gave them.
        clean_told: those of the clean message, to compare scores with.
        outgoing_checked: whether mail from inside is checked for spam, too.
    """
    facts, reply = told["facts"] or {}, told["reply"]
    amavis = facts.get("judged")
    end = end_of(reply, facts)
    happened = _story(end, reply, facts, amavis)
    if end in (End.PUT_OFF, End.LOST):
        lost = letter.kind is Kind.CLEAN and any(one["status"] == "deferred" for one in facts.get("ends", ()))
        return Judged(Verdict.BROKEN if lost else Verdict.UNKNOWN, happened, end)
    if promise.destiny is None:
        return Judged(Verdict.NOTHING, happened, end)
    verdict, why = _VERDICTS[letter.kind](promise, end, amavis, _score(clean_told))
    if verdict is Verdict.KEPT and (untold := _untold(promise, facts)):
        verdict, why = Verdict.BROKEN, f"the {untold} got no notice of it"
    inside = amavis is not None and bool(
        {"MYNETS", "ORIGINATING"} & set(re.split("[/ ,]", amavis["banks"] or ""))
    )
    if letter.kind is Kind.SPAM and verdict is Verdict.BROKEN and inside and not outgoing_checked:
        verdict, why = Verdict.UNKNOWN, "for amavis this server is inside, and outgoing mail is not checked"
    return Judged(verdict, f"{happened}; {why}" if why else happened, end)


def _untold(promise: Promise, facts: Mapping[str, Any]) -> str:
    """Who should have got a notice of what amavis blocked, and did not; "" for nobody."""
    amavis = facts.get("judged")
    if amavis is None or amavis["passed"] != "Blocked" or not amavis["mail_id"]:
        return ""
    told = {_NOTICES[notice["kind"]] for notice in facts["notices"]}
    # Of recipients amavis tells its own (local_domains_maps) only.
    ours = "Inbound" in amavis["actions"] or "Internal" in amavis["actions"]
    wanted = [who for who in promise.tells if who != "recipient" or ours]
    return next((who for who in wanted if f"the {who}" not in told), "")


def end_of(reply: Mapping[str, Any], facts: Mapping[str, Any]) -> End:
    """What became of a message."""
    code = reply["code"]
    if not code or 400 <= code < 500:
        return End.PUT_OFF
    if not 200 <= code < 300:
        return End.REFUSED
    amavis = facts.get("judged")
    ends = facts.get("ends", ())
    if amavis is not None and amavis["passed"] == "Blocked":
        return next((end for word, end in _ACTIONS.items() if word in amavis["actions"]), End.LOST)
    if any(one["status"] == "deferred" for one in ends):
        return End.PUT_OFF
    if any(one["status"] in ("bounced", "expired") for one in ends):
        return End.REJECTED
    if any(one["status"] == "sent" for one in ends) or (amavis is not None and not ends):
        return End.PASSED
    return End.LOST


def _clean(promise: Promise, end: End, amavis: Any, score: float | None) -> tuple[Verdict, str]:
    if end is not End.PASSED:
        return Verdict.BROKEN, ""
    if amavis is not None and amavis["class"] in ("SPAM", "SPAMMY", "INFECTED", "BANNED"):
        return Verdict.BROKEN, "it should have been found clean"
    return Verdict.KEPT, ""


def _stopped(promise: Promise, end: End, amavis: Any, score: float | None) -> tuple[Verdict, str]:
    """Of what shall be found, and then be dealt with in one certain way."""
    found = amavis is not None and amavis["class"] == promise.found_as
    if end is End.REFUSED:
        return (Verdict.UNKNOWN if promise.destiny is End.PASSED else Verdict.KEPT), ""
    if not found and end is End.PASSED:
        if promise.destiny is End.PASSED and amavis is None:
            return Verdict.UNKNOWN, "nothing tells whether it was found"
        return Verdict.BROKEN, "it was not found"
    if not found:
        return Verdict.UNKNOWN, "something else stopped it first"
    if end is not promise.destiny:
        return Verdict.BROKEN, f"it should have been {promise.destiny}"
    return Verdict.KEPT, ""


def _blocked(promise: Promise, end: End, amavis: Any, score: float | None) -> tuple[Verdict, str]:
    if end is End.PASSED:
        return Verdict.BROKEN, "nobody blocked it"
    if amavis is not None and amavis["class"] != "BANNED":
        return Verdict.UNKNOWN, "something else stopped it first"
    return Verdict.KEPT, ""


def _signed(promise: Promise, end: End, amavis: Any, score: float | None) -> tuple[Verdict, str]:
    if end is not End.PASSED:
        return Verdict.BROKEN, "it should have arrived"
    if amavis is None:
        return Verdict.UNKNOWN, "amavis did not see it"
    if promise.domain.lower() in _signatures(amavis)[1]:
        return Verdict.KEPT, ""
    if promise.doubt:
        return Verdict.UNKNOWN, f"its signature was not verified: {promise.doubt}"
    return Verdict.BROKEN, "its signature was not verified, though its key is published"


def _forged(promise: Promise, end: End, amavis: Any, score: float | None) -> tuple[Verdict, str]:
    if end is not End.PASSED:
        return Verdict.KEPT, ""
    if amavis is None:
        return Verdict.UNKNOWN, "amavis did not see it"
    selectors, domains = _signatures(amavis)
    if FORGER in selectors:
        return Verdict.BROKEN, "its made-up signature counts as a true one"
    if promise.domain.lower() in domains:
        return Verdict.UNKNOWN, "this server has signed it, as what comes from inside"
    if promise.destiny is End.PASSED:
        return Verdict.KEPT, "its signature did not count"
    mine = _number(amavis["hits"])
    if mine is None:
        return Verdict.BROKEN, "it was not scored"
    more = mine - (score or 0.0)
    if more < FORGED:
        return Verdict.BROKEN, "it hardly scores more than the clean one"
    return Verdict.KEPT, f"{more:+.1f} points for being forged"


_VERDICTS = {
    Kind.CLEAN: _clean,
    Kind.VIRUS: _stopped,
    Kind.SPAM: _stopped,
    Kind.BLOCKED: _blocked,
    Kind.SIGNED: _signed,
    Kind.FORGED: _forged,
}


def _signatures(amavis: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """The selectors and the domains whose valid signatures amavis lists (``dkim_sd=selector:domain``)."""
    pairs = [pair.partition(":") for pair in (amavis["dkim"] or "").lower().replace(",", " ").split()]
    return {selector for selector, _, _ in pairs}, {domain for _, _, domain in pairs}


def _score(told: Mapping[str, Any] | None) -> float | None:
    facts = (told or {}).get("facts") or {}
    amavis = facts.get("judged")
    return _number(amavis["hits"]) if amavis is not None else None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


# -- in words ------------------------------------------------------------------------------------------------

_FOUND = {
    "CLEAN": "amavis found it clean",
    "INFECTED": "amavis found a virus",
    "SPAM": "amavis found spam",
    "SPAMMY": "amavis tagged it as spam",
    "BANNED": "amavis found a blocked attachment",
}


def _story(
    end: End, reply: Mapping[str, Any], facts: Mapping[str, Any], amavis: Mapping[str, Any] | None
) -> str:
    """What happened, in one line."""
    if not reply["code"]:
        return clean(f"the listener: {reply['text']}")
    if not 200 <= reply["code"] < 300:
        return clean(f"{end} after {reply['stage']}: {reply['code']} {reply['text']}")
    said = []
    if amavis is not None:
        words = _FOUND.get(amavis["class"], f"amavis calls it {amavis['class']}")
        what = f" ({amavis['what']})" if amavis["what"] else ""
        score = f", score {amavis['hits']}" if amavis["hits"] else ""
        said.append(f"{words}{what}{score}")
    if end is End.PASSED:
        said.append(_arrival(facts))
    elif end is End.PUT_OFF:
        said.append(
            "; ".join(f"put off: {one['text']}" for one in facts["ends"] if one["status"] == "deferred")
        )
    elif end is End.LOST:
        said.append(
            "it was taken, and the log tells no end of it"
            if facts.get("queue_ids")
            else "the log does not tell"
        )
    elif amavis is None:
        said.append("; ".join(f"{one['status']}: {one['text']}" for one in facts["ends"]))
    else:
        said.append(
            "bounced to nobody, since it has no sender" if "NoBounce" in amavis["actions"] else end.value
        )
    told = sorted(_NOTICES[one["kind"]] for one in facts.get("notices", ()))
    if told:
        said.append(f"a notice to {' and '.join(dict.fromkeys(told))}")
    for complaint in (amavis or {}).get("said", ()):
        if "FAILED to notify" in complaint:
            said.append(f"amavis {complaint.partition(')')[2]}")
    return clean(", ".join(part for part in said if part))


def _arrival(facts: Mapping[str, Any]) -> str:
    ends = facts.get("ends", ())
    for one in ends:
        if "postmaster notification discarded" in one["text"]:
            return "arrived, and was thrown away there"
    return f"arrived: {ends[-1]['text']}" if ends else "passed on"
