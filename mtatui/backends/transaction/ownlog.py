"""Hears what a daemon says in the logs from now on: in its own files, in syslog's, in the journal."""

import os
import re
import time

from .maillog import JOURNAL
from .run import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Sequence, Tuple

#: Where distributions write what daemons tell syslog.
LOGS = (
    "/var/log/mail.log",
    "/var/log/maillog",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/daemon.log",
)
#: What each calls itself there; others are called by their names.
NAMES = {"amavis": ("amavis", "amavisd", "amavisd-new")}
#: Bytes of a log since then that are read, and seconds that the journal may take to answer.
SINCE = 1024 * 1024
PATIENCE = 5.0
#: Lines that are worth to be shown, and how long one may be.
LINES = 3
LONG = 300

#: What stands before the words themselves: a time, a host and a name in syslog, a time in files of their own.
_BEFORE = re.compile(
    r"^(?:\w{3} [ \d]\d [\d:]{8} |\d{4}-\d\d-\d\dT\S+ )\S+ [\w./-]+(?:\[\d+\])?: (?:\([\w-]+\) )?"
    r"|^\w{3} \w{3} [ \d]\d [\d:]{8} \d{4} -> "
)
#: What a daemon says that is in trouble.
_TROUBLE = re.compile(
    r"\b(?:errors?|fatal|panic|fail(?:s|ed|ure)?|trouble|reject(?:ed|ing)|refus\w+|cannot|can't|could not"
    r"|unable|invalid|malformed|syntax|died|die|denied|not found|no such|unknown|missing)\b",
    re.IGNORECASE,
)


class Hearing:
    """What one daemon says from now on."""

    def __init__(self, care: "Dict[str, Any]") -> None:
        self._names: "Sequence[str]" = NAMES.get(care["service"], (care["service"],))
        self._own = list(care["logs"])
        self._at = time.time()
        self._from = dict(_size(path) for path in (*self._own, *LOGS))

    def lines(self) -> "List[str]":
        """What it has said since, line by line, each once."""
        named = re.compile(r"(?:^|[ /])(?:%s)(?:\[\d+\])?: " % "|".join(map(re.escape, self._names)))
        found = [line for path in self._own for line in self._since(path)]
        for path in LOGS:
            found += [line for line in self._since(path) if named.search(line)]
        if os.path.isdir(JOURNAL):
            found += self._journal()
        words = (_BEFORE.sub("", line, 1).strip() for line in found)
        return list(dict.fromkeys(line for line in words if line))

    def complaints(self) -> "List[str]":
        """The last of what it has said that is no good news; else the last of all."""
        lines = self.lines()
        bad = [line for line in lines if _TROUBLE.search(line)]
        return [line[:LONG] for line in (bad or lines)[-LINES:]]

    def _since(self, path: str) -> "Iterator[str]":
        begun, inode = self._from.get(path, (0, 0))
        try:
            with open(path, "rb") as file:
                info = os.fstat(file.fileno())
                # One that is new, or was begun anew, is read from its beginning.
                file.seek(begun if info.st_ino == inode and info.st_size >= begun else 0)
                yield from file.read(SINCE).decode("utf-8", "replace").splitlines()
        except OSError:
            return

    def _journal(self) -> "List[str]":
        wanted = [word for name in self._names for word in ("--identifier", name)]
        since = "--since=@%d" % self._at
        argv = ["journalctl", "--quiet", "--no-pager", "--output=cat", since, *wanted]
        try:
            return run(argv, PATIENCE)[1].splitlines()
        except OSError:
            return []


def _size(path: str) -> "Tuple[str, Tuple[int, int]]":
    try:
        info = os.stat(path)
    except OSError:
        return path, (0, 0)
    return path, (info.st_size, info.st_ino)
