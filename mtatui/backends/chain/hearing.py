"""Hears what comes into the logs of a mail server from now on: files, rotated or not, and the journal.

Postfix may write a file of its own (maillog_file) while its filters write to syslog: all are heard.
"""

import os
import time

from .commands import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Sequence, Union

#: Where systemd's journal is, if it is.
JOURNAL = "/run/systemd/journal"
#: What the journal is asked for: what syslog calls mail, as it would stand in a file.
_JOURNALCTL = ["journalctl", "--quiet", "--no-pager", "--output=short", "SYSLOG_FACILITY=2"]
#: Seconds between two questions to the journal.
PACE = 0.4
#: Bytes that are read at a time.
CHUNK = 1024 * 1024


class Hearing:
    """All logs of one server, from now on."""

    def __init__(self, paths: "Sequence[str]", wants_journal: bool) -> None:
        """``paths``: log files that may be there; ``wants_journal``: mail may be logged there, too."""
        self._sources: "List[Union[_File, _Journal]]" = []
        for path in paths:
            try:
                self._sources.append(_File(path))
            except OSError:
                continue
        self.files = [source.path for source in self._sources if isinstance(source, _File)]
        if wants_journal and os.path.isdir(JOURNAL):
            journal = _Journal()
            if journal.cursor:
                self._sources.append(journal)
                self.files.append("the journal")

    def lines(self) -> "Iterator[str]":
        """What has come since it was asked last."""
        for source in self._sources:
            for line in source.lines():
                yield line.decode("utf-8", "replace")


class _File:
    def __init__(self, path: str) -> None:
        self.path = path
        self._file = open(path, "rb")  # noqa: SIM115  # it stays open
        self._file.seek(0, os.SEEK_END)
        self._rest = b""

    def lines(self) -> "List[bytes]":
        found = self._read()
        if not found and self._is_another():
            try:
                fresh = open(self.path, "rb")  # noqa: SIM115  # it stays open
            except OSError:
                return []
            self._file.close()
            self._file, self._rest = fresh, b""
            found = self._read()
        return found

    def _read(self) -> "List[bytes]":
        data = self._file.read(CHUNK)
        if not data:
            if os.fstat(self._file.fileno()).st_size < self._file.tell():
                self._file.seek(0)  # cut short in place (copytruncate)
            return []
        *whole, self._rest = (self._rest + data).split(b"\n")
        return whole

    def _is_another(self) -> bool:
        try:
            info = os.stat(self.path)
        except OSError:
            return False
        return info.st_ino != os.fstat(self._file.fileno()).st_ino


class _Journal:
    def __init__(self) -> None:
        self._next = 0.0
        self.cursor = ""
        self._ask("--lines=1")

    def lines(self) -> "List[bytes]":
        if time.monotonic() < self._next:
            return []
        self._next = time.monotonic() + PACE
        return self._ask("--after-cursor=" + self.cursor)

    def _ask(self, option: str) -> "List[bytes]":
        """The lines, and the cursor moved behind them; none where there is no journal that answers."""
        said = run([*_JOURNALCTL, "--show-cursor", option])[1]
        text, _, tail = said.rpartition(b"-- cursor: ")
        if tail.strip():
            self.cursor = tail.strip().decode("ascii", "replace")
        return text.splitlines()
