"""The mail log, as the story of one message: lines as Postfix's daemons write them, read into events.

Knows the line formats of syslog (RFC 3164), of syslog and journals with ISO 8601 times, of RFC 5424, and of
``maillog_file`` (postlogd(8), the same as RFC 3164); and what the daemons say about a queue ID: smtpd(8),
pickup(8), cleanup(8), qmgr(8), the delivery agents, bounce(8), postsuper(1); filters and milters that name
the ID are listened to as well. Lines are written in part by strangers (addresses, host names, remote
replies): every text of an event has passed `mtatui.text.clean`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mtatui.text import clean

#: What a line may at most hold; the rest tells nothing (Postfix itself cuts at 2 kB).
_LINE_LIMIT = 8192
#: A clock may run this much ahead (seconds) before a yearless time is taken for last year's.
_AHEAD = 86400.0


class Kind(StrEnum):
    """What happened to a message."""

    ARRIVED = "arrived"
    QUEUED = "queued"
    SENT = "sent"
    DEFERRED = "deferred"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    HELD = "held"
    RELEASED = "released"
    REQUEUED = "requeued"
    RETURNED = "returned"
    REMOVED = "removed"
    PROBLEM = "problem"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log about one message. ``at``: epoch seconds, 0.0 where the line tells no time.

    ``text`` is what the daemon said, for a delivery attempt the reason only; ``related`` is another queue ID
    that the line ties to this one (requeued from or to, returned as, handed through a content filter to).
    """

    at: float
    program: str
    id: str
    kind: Kind
    text: str
    recipient: str = ""
    relay: str = ""
    delay: str = ""
    status: str = ""
    related: str = ""


def parse(line: str, *, now: float | None = None) -> Event | None:
    """Read one line of the log.

    Args:
        now: when it is read (epoch seconds): old syslog times name no year.

    Returns:
        The event, None where the line is not about a message.
    """
    found = _LINE.match(line[:_LINE_LIMIT].rstrip("\r\n"))
    if found is None:
        return None
    at = _time(found["time"], time.time() if now is None else now)
    if filtered := _FILTERED.match(found["words"]):
        text, id, handed = found["words"], filtered["id"], filtered["handed"] or ""
        return Event(at, clean(found["program"]), id, Kind.NOTE, clean(text), related=handed)
    about = _ABOUT.match(found["words"])
    if about is None:
        return None
    event = Event(at, clean(found["program"]), about["id"], Kind.NOTE, clean(about["text"]))
    return replace(event, kind=Kind.PROBLEM) if about["severity"] else _understood(event, about["text"])


def warned(line: str, *, now: float | None = None) -> tuple[float, str] | None:
    """What a check that is on trial (``warn_if_reject``) would have refused: when, and with which reply.

    Args:
        now: as for `parse`.

    Returns:
        None where the line tells of something else.
    """
    found = _LINE.match(line[:_LINE_LIMIT].rstrip("\r\n"))
    if found is None or (would := _WARNED.match(found["words"])) is None:
        return None
    return _time(found["time"], time.time() if now is None else now), clean(would["reply"])


def timeline(lines: Iterable[str], id: str, *, now: float | None = None) -> list[Event]:
    """What the log tells about a message, oldest first, under every queue ID it has had.

    Short queue IDs are reused: what stands before an arrival that follows a removal is another's story.
    """
    events = [event for line in lines if (event := parse(line, now=now))]
    ids = family(events, id)
    chosen = sorted((e for e in events if e.id in ids), key=lambda e: e.at)
    start, removed = 0, False
    for place, event in enumerate(chosen):
        if event.id == id:
            if removed and event.kind is Kind.ARRIVED:
                start = place
            removed = event.kind is Kind.REMOVED
    return chosen[start:]


def family(events: Iterable[Event], id: str) -> set[str]:
    """The queue ID with those that the log ties to it, however many steps away."""
    ties = [(event.id, event.related) for event in events if event.related]
    ids = {id}
    grown = True
    while grown:
        more = {x for tie in ties if ids.intersection(tie) for x in tie}
        grown = not more <= ids
        ids |= more
    return ids


def words(event: Event) -> str:
    """An event in one line for a person, without its time."""
    parts = [event.kind.value]
    if event.recipient:
        parts.append(event.recipient)
    if event.relay and event.relay != "none":
        parts.append(f"by {event.relay}")
    if event.status:
        parts.append(f"({event.status}, after {event.delay} s)")
    return "  ".join((*parts, event.text)) if event.text else "  ".join(parts)


# --- one line ---

#: smtpd(8): ``NOQUEUE: reject_warning: RCPT from host[address]: 450 4.7.25 …; from=<…> to=<…> …``.
_WARNED = re.compile(r"\w+: reject_warning: [A-Z-]+ from \S+: (?P<reply>\d{3} .*?)(?:; from=<|$)")

_LINE = re.compile(
    r"""(?:<\d{1,3}>1?\ ?)?
    (?P<time>[A-Z][a-z]{2}\ [\ \d]\d\ \d\d:\d\d:\d\d
    |\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)
    \ (?P<host>\S+)
    \ (?P<program>[^\s\[\]:]+)
    (?:\[\d+\]:|\ \d+\ \S+\ (?:-|\[.*?\])|:)
    \ (?P<words>.*)""",
    re.VERBOSE | re.DOTALL,
)
_ABOUT = re.compile(
    r"(?P<severity>(?:warning|error|fatal|panic): )?(?P<id>(?!NOQUEUE\b)[A-Za-z0-9]{5,}): (?P<text>.*)",
    re.DOTALL,
)
#: What amavis says of a message ($log_templ): the ID it came with, the ID under which it was handed back.
_FILTERED = re.compile(r"\(\S+\) .*Queue-ID: (?P<id>\w{5,})(?:.*queued_as: (?P<handed>\w{5,}))?", re.DOTALL)
_ATTEMPT = re.compile(
    r"to=<(?P<recipient>.*?)>, (?:orig_to=<.*?>, )?relay=(?P<relay>\S*?), (?:conn_use=\d+, )?"
    r"delay=(?P<delay>[\d.]+), delays=[\d./]+, dsn=(?P<status>[\d.]+), status=(?P<result>[\w-]+)"
    r"(?: \((?P<reason>.*)\))?",
    re.DOTALL,
)
_RETURNED = re.compile(r"(?:sender|postmaster) (?:\S+ ){1,2}notification: (?P<id>\w{5,})")
_ORIGINAL = re.compile(r"\borig_(?:queue_)?id=(\w+)")
_HANDED_ON = re.compile(r"queued as ([A-Za-z0-9]{5,})\b")
_RESULTS = {
    "sent": Kind.SENT,
    "deliverable": Kind.SENT,
    "deferred": Kind.DEFERRED,
    "bounced": Kind.BOUNCED,
    "undeliverable": Kind.BOUNCED,
    "expired": Kind.EXPIRED,
    "force-expired": Kind.EXPIRED,
}
#: How the words of other lines begin, and what they mean.
_BEGINNINGS = (
    ("client=", Kind.ARRIVED),
    ("uid=", Kind.ARRIVED),
    ("message-id=", Kind.NOTE),
    ("from=<", Kind.QUEUED),
    ("removed", Kind.REMOVED),
    ("placed on hold", Kind.HELD),
    ("hold: ", Kind.HELD),
    ("released from hold", Kind.RELEASED),
    ("requeued", Kind.REQUEUED),
    ("skipped, still being delivered", Kind.NOTE),
    ("reject: ", Kind.PROBLEM),
    ("milter-reject: ", Kind.PROBLEM),
    ("milter-hold: ", Kind.HELD),
)


def _understood(event: Event, text: str) -> Event:
    """The event with what its words mean."""
    if attempt := _ATTEMPT.match(text):
        reason = attempt["reason"] or ""
        handed = _HANDED_ON.search(reason) if _is_here(attempt["relay"]) else None
        return replace(
            event,
            kind=_RESULTS.get(attempt["result"], Kind.NOTE),
            text=clean(reason),
            recipient=clean(attempt["recipient"]),
            relay=clean(attempt["relay"]),
            delay=attempt["delay"],
            status=attempt["status"],
            related=handed[1] if handed else "",
        )
    if returned := _RETURNED.match(text):
        return replace(event, kind=Kind.RETURNED, related=returned["id"])
    kind = next((kind for start, kind in _BEGINNINGS if text.startswith(start)), event.kind)
    if kind is Kind.QUEUED and ("status=expired" in text or "status=force-expired" in text):
        kind = Kind.EXPIRED
    original = _ORIGINAL.search(text) if kind is Kind.ARRIVED else None
    return replace(event, kind=kind, related=original[1] if original else "")


def _is_here(relay: str) -> bool:
    """Whether a relay is this machine: only then is the ID it answers one of ours (a content filter's)."""
    return "[127." in relay or "[::1]" in relay or "[private/" in relay


def _time(text: str, now: float) -> float:
    try:
        if text[0].isdigit():
            return datetime.fromisoformat(text.replace(",", ".")).timestamp()
        year = time.localtime(now).tm_year
        moment = _in_year(year, text)
        return moment if moment <= now + _AHEAD else _in_year(year - 1, text)
    except (ValueError, OverflowError):
        return 0.0


def _in_year(year: int, text: str) -> float:
    month = _MONTHS.index(text[:3]) + 1
    hour, minute, second = map(int, text[7:].split(":"))
    return datetime(year, month, int(text[4:6]), hour, minute, second).timestamp()


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
