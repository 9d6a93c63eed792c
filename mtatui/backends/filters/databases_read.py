"""What is known of databases of signatures, read off what `mtatui.backends.looking` saw of them; and what the
answer of a source means.

Sources: ClamAV's manual ("CVD Info File"), its policy on the end of life of its versions, freshclam's log.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mtatui.backends.filters.freshclam import OFFICIAL, Freshclam
from mtatui.backends.filters.freshclam_words import STAMP, said, troubles
from mtatui.settings.kinds_filters import Signatures
from mtatui.text import clean, size

#: Bytes of a file of one's own that is put into place through the history; larger ones are copied by hand.
LARGEST = 16 * 1024 * 1024
#: The day on which signatures are no longer promised for a version of ClamAV. Long term ones last three
#: years; those between them until four months after the next.
ENDS = {
    (1, 0): datetime.date(2025, 11, 28),
    (1, 4): datetime.date(2027, 8, 15),
}
_OLD = datetime.date(2025, 11, 28)
#: Seconds after which daily signatures are called old: they come every day.
AGED = 4 * 86400.0
_VERSION = re.compile(r"ClamAV (\d+)\.(\d+)(\S*?)(?:/(\d+)/(.+))?$")
#: What clamd writes down when it has loaded its databases, and when it keeps the old ones.
_LOADED = re.compile(r"-> (?:Loaded (\d+) signatures|Database correctly reloaded \((\d+) signatures\))")
_REFUSED = re.compile(r"reload_\w+: Database load failed: (.*)|Database reload failed")
_BEGUN = re.compile(rf"(?:ClamAV update process started at|--- Update started at) ({STAMP})")


@dataclass(frozen=True, slots=True)
class Database:
    """One file of signatures."""

    name: str
    size: int
    changed: float
    """Epoch seconds."""
    version: int = 0
    """0 where it says none: only ClamAV's own do."""
    built: float = 0.0
    """Epoch seconds; 0 where it says none."""
    count: int | None = None
    """Signatures in it; None where nobody knows."""
    own: bool = False
    """Not ClamAV's."""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time that an update was tried."""

    at: float
    ok: bool
    text: str
    """What came of it, in words."""


@dataclass(frozen=True, slots=True)
class State:
    """Everything about signatures at one moment."""

    at: float
    directory: str
    databases: tuple[Database, ...]
    engine: str = ""
    """clamd's version: ``1.4.6``."""
    end_of_life: str = ""
    """What is to be known about the age of that version; "" for nothing."""
    loaded: int = 0
    """The version of the daily database that clamd works with; 0 where it says none."""
    clamd: str = ""
    """Why clamd could not be asked, in words; "" where it could."""
    count: int | None = None
    """Signatures that clamd has loaded, as its log says; None where nobody knows."""
    refuses: str = ""
    """Why clamd did not load the databases as they are now, in its own words."""
    attempt: Attempt | None = None
    cool_down: float = 0.0
    """Until when mirrors want to be left alone (epoch seconds); 0 for now."""
    findings: tuple[str, ...] = ()
    """What is wrong, in sentences."""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Updated:
    """What came of an update."""

    ok: bool
    text: str
    state: State
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of trying a source or a file."""

    ok: bool
    text: str
    count: int | None = None


def state(seen: Mapping[str, Any], freshclam: Freshclam, now: float) -> State:
    databases = tuple(filter(None, map(_database, seen["files"])))
    answer = seen["clamd"]
    version = _VERSION.match(clean(answer["text"])) if answer and answer["ok"] else None
    engine = f"{version[1]}.{version[2]}{version[3]}" if version else ""
    loaded = int(version[4] or 0) if version else 0
    clamd = "" if version else clean(answer["text"]) if answer else "it is not set up here"
    life = end_of_life(engine, datetime.date.fromtimestamp(now))
    attempts = [found for log in seen["logs"] if (found := last_attempt(log["text"]))]
    attempt = max(attempts, key=lambda one: one.at, default=None)
    cool_down = float(seen["retry_after"]) if seen["retry_after"] > now else 0.0
    whole = State(
        now, freshclam.databases, databases, engine, life, loaded, clamd, *_taken(seen["clamd_log"]), attempt,
        cool_down, trouble=clean(seen["trouble"]),
    )  # fmt: skip
    return replace(whole, findings=tuple(_findings(whole)))


def _taken(log: str) -> tuple[int | None, str]:
    """What clamd has loaded last, and why nothing of what came later."""
    count, why = None, ""
    for line in log.splitlines():
        if match := _LOADED.search(line):
            count, why = int(match[1] or match[2]), ""
        elif match := _REFUSED.search(line):
            why = why or clean(match[1] or "") or "its log does not say why"
    return count, why


def _database(file: Mapping[str, Any]) -> Database | None:
    name = clean(file["name"])
    stem, _, ending = name.rpartition(".")
    official = ending in ("cvd", "cld", "cud") and stem in OFFICIAL
    if not official and ending not in Signatures.endings and not file["head"]:
        return None
    version, built, count = 0, 0.0, file["count"]
    parts = file["head"].split(":")
    if len(parts) > 3:
        # The time of building has colons of its own in some: the numbers stand where they stand.
        numbers = re.match(r"ClamAV-VDB:(.*?):(\d+):(\d+):\d+:", file["head"])
        if numbers:
            version, count = int(numbers[2]), int(numbers[3])
        seconds = parts[-1].strip()
        built = float(seconds) if seconds.isdigit() else 0.0
    return Database(
        name, file["size"], file["changed"], version, built, count, not official, clean(file["trouble"])
    )


def end_of_life(version: str, today: datetime.date) -> str:
    """What is to be known about the age of a version of ClamAV; "" for nothing."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        return ""
    release = int(match[1]), int(match[2])
    end = ENDS.get(release) or (_OLD if release < max(ENDS) else None)
    if end is None or today < end - datetime.timedelta(days=120):
        return ""
    if today < end:
        return f"ClamAV {version} gets no signatures any more after {end}: upgrade before."
    return (
        f"ClamAV {version} is at its end of life since {end}: mirrors may refuse it at any time. "
        "Upgrade it; until then every update may be the last."
    )


def last_attempt(log: str) -> Attempt | None:
    """The last update that a log of freshclam tells of."""
    begun = [*_BEGUN.finditer(log)]
    if not begun:
        return None
    at = time.mktime(time.strptime(" ".join(begun[-1][1].split()), "%a %b %d %H:%M:%S %Y"))
    lines = log[begun[-1].end() :].splitlines()
    if wrong := troubles(lines):
        return Attempt(at, False, "; ".join(wrong))
    good = [text for text in map(said, lines) if re.search(r"up[- ]to[- ]date|updated|succeed", text)]
    return Attempt(at, True, good[-1] if good else "went well")


def _findings(state: State) -> Iterable[str]:
    if state.trouble:
        yield state.trouble
    if state.end_of_life:
        yield state.end_of_life
    if state.cool_down:
        until = time.strftime("%d %b %H:%M", time.localtime(state.cool_down))
        yield f"The mirrors want to be left alone until {until}: they were asked too often."
    daily = next((one for one in state.databases if one.name.startswith("daily.")), None)
    if daily is None and not state.trouble:
        yield f"ClamAV's own signatures (daily.cvd) are not in {state.directory}: only one's own are known."
    elif daily is not None and daily.built and state.at - daily.built > AGED:
        days = int((state.at - daily.built) / 86400)
        yield f"The daily signatures are {days} days old; new ones come every day."
    if daily is not None and state.loaded and daily.version > state.loaded:
        yield f"clamd still works with version {state.loaded} of them: mtatui service reload clamd."
    if state.refuses:
        yield (
            f"clamd cannot load the signatures as they are ({state.refuses}): it works with what it had, "
            "and will not start with these. mtatui signatures check says which file it is."
        )
    if state.clamd:
        yield f"clamd could not be asked what it has loaded: {state.clamd}."
    if state.attempt is not None and not state.attempt.ok:
        yield f"The last update failed: {state.attempt.text}."


def what_came(before: State, after: State) -> str:
    old = {one.name: (one.version, one.changed, one.size) for one in before.databases}
    new = [one for one in after.databases if old.get(one.name) != (one.version, one.changed, one.size)]
    if not new:
        return "All signatures are up to date."
    told = ", ".join(
        f"{one.name}{f' {one.version}' if one.version else ''} ({size(one.size)})" for one in new
    )
    return f"New: {told}."


def tested(url: str, answer: Mapping[str, Any], *, official: bool) -> Tested:
    """What an answer to a request for signatures means."""
    where, status, head = clean(url), answer["status"], answer.get("head", "")
    if status == 0:
        return Tested(False, f"{where}: {clean(answer['trouble'])}")
    if status in (403, 429):
        retry = clean(answer.get("retry_after", ""))
        until = f"; it wants to be left alone for {retry} s" if retry.isdigit() else ""
        why = "asked too often, or by too old a version" if status == 429 else "blocked, or not for everybody"
        return Tested(False, f"{where} refuses ({status}: {why}){until}")
    if status not in (200, 206):
        return Tested(False, f"{where} answers {status} {clean(answer['trouble'])}")
    begin = head.lstrip().lower()
    if begin.startswith(("<!doctype", "<html", "<head", "<?xml")):
        return Tested(False, f"{where} answers with a web page, not with signatures: a proxy, or a login?")
    if not head:
        return Tested(False, f"{where} answers with nothing")
    if official and not head.startswith("ClamAV-VDB:"):
        return Tested(False, f"{where} answers with something that is no database of ClamAV")
    parts = head.split(":")
    if official:
        return Tested(
            True, f"answers; its daily signatures: version {clean(parts[2] if len(parts) > 2 else '?')}"
        )
    return Tested(True, f"{where} answers; freshclam tries what it brings before clamd sees it")
