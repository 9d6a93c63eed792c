"""What a run of freshclam came to, in words, read off what it said: its exit status is 0 even where a mirror
sent it away, and most of its own errors tell of its insides.

Source: ClamAV 1.4's libfreshclam; each line was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mtatui.text import clean

STAMP = r"\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}"
_LINE = re.compile(rf"^(?:{STAMP} -> )?(?:(ERROR|WARNING): )?(?:{STAMP} -> )?(?:[\^!*])?(.*)$")
#: Two of its messages that share a line.
_SECOND = re.compile(rf"(?:{STAMP} -> )?ERROR: (?:{STAMP} -> )? *Message: ")

#: Lines that tell a cause; groups go into the words.
_CAUSES = (
    (r"received error code 429", "asked too often (429)"),
    (r"received error code 403", "refused (403): blocked, or this version of ClamAV is too old"),
    (r"on cool-down until after: (.+)", "it wants to be left alone until {}"),
    (r"remote_cvdhead: .*Malformed|Malformed CVD", "what it answers is no database: a web page, or nothing"),
    (r"Failed to load new database: (.+)", "what came is no valid database ({})"),
    (r"update process failed: Empty file", "what came is empty"),
    (r"Unexpected response \((\d+)\)", "answers {}"),
    (r"file not found: (\S+)", "there is no {} (404)"),
    (r"Message: Couldn't connect to server", "nobody answers there"),
    (r"Message: Couldn't resolve host name", "the DNS does not know it"),
    (r"Message: Timeout was reached", "no answer in time"),
    (r"Message: Transferred a partial file", "its answer broke off"),
    (r"Message: (.+)", "{}"),
    (r"Failed to lock the log file|log.* is locked by another process", "another freshclam is at work"),
)
_COMPILED = tuple((re.compile(pattern), words) for pattern, words in _CAUSES)
_SOURCE = re.compile(
    r"Can't download \S+ from (\S+)|Giving up on (\S+?)\.*$|Unexpected response .* from (\S+)"
)
#: Errors that only say that there was one.
_HOLLOW = re.compile(
    r"Update failed|Database update process failed|Can't download|check_for_new_database_version"
    r"|Database test FAILED|[Dd]ownload failed"
)


def said(line: str) -> str:
    """What a line of freshclam's says, without the time."""
    match = _LINE.match(line.strip())
    return clean(_SECOND.sub("; ", match[2])) if match else ""


def troubles(lines: Iterable[str]) -> tuple[str, ...]:
    """What went wrong, the cause first; () where nothing did. All of it clean."""
    causes: list[str] = []
    others: list[str] = []
    sources: list[str] = []
    for line in lines:
        match = _LINE.match(line.strip())
        if match is None:
            continue
        text = clean(match[2])
        if source := _SOURCE.search(text):
            sources += filter(None, source.groups())
        told = _cause(text)
        if told:
            causes.append(told)
        elif match[1] == "ERROR":
            (others if _HOLLOW.search(text) else causes).append(text.strip().rstrip("."))
    if not causes and not others:
        return ()
    found = tuple(dict.fromkeys(causes)) or tuple(dict.fromkeys(others))
    where = ", ".join(dict.fromkeys(source.rstrip(".") for source in sources))
    return (f"{where}: {found[0]}", *found[1:]) if where else found


def _cause(text: str) -> str:
    for pattern, words in _COMPILED:
        if found := pattern.search(text):
            return words.format(*found.groups())
    return ""
