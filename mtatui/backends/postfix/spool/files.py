"""Reads queue files by the batch: their rows as finished lines, and the time of each file.

Paths are relative to the queue directory, where the process stands. A file that vanishes, or is not finished
yet, is normal; one that cannot be read, or makes no sense, becomes a problem line, and the rest goes on.
"""

import errno
import json
import os
import stat
from array import array

from . import place, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Tuple

#: Stamps that no file has: not read (it was not finished, or gone before it could be), and no message at all.
UNREAD = 0
NO_MESSAGE = -1

_CHANGE_BITS = 27
_CHANGE_MASK = (1 << _CHANGE_BITS) - 1

#: Where Postfix itself takes only files that carry their owner's three mode bits (``mail_open_ok.c``): others
#: are still being written.
_FINISHED_ONLY = ("maildrop", "incoming", "active", "deferred", "hold")
_LOGGED = ("active", "deferred", "hold")
#: Where nobody expects that a file can be read to its end: the damaged ones are put there.
_EXPECTED = ("corrupt/", "mtatui/")
_RECIPIENTS_A_LINE = 1000
_PROBLEM_LIMIT = 25

_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def line(*parts: "Any") -> bytes:
    """One line of `mtatui.queue.delta`. Any byte survives, as an escape."""
    return _to_json(parts).encode("ascii") + b"\n"


def names_below(path: str) -> "List[str]":
    """The files in a queue directory and its folders of one character."""
    try:
        names = os.listdir(path)
    except OSError:
        return []
    found = [name for name in names if len(name) > 1]
    for name in names:
        if len(name) == 1:
            found += names_below(path + name + "/")
    return found


class Reader:
    """Reads files of one spool.

    Args:
        hash_names: which queues have folders (`place.queue_names`); hash_depth: how many levels.
    """

    def __init__(self, hash_names: "frozenset[str]", hash_depth: int) -> None:
        self._hash_names = hash_names
        self._hash_depth = hash_depth
        self._alike = ("deferred" in hash_names) == ("defer" in hash_names)
        self._bounced: "frozenset[str]" = frozenset()
        self._problems = 0

    def begin(self) -> None:
        """A scan begins: which messages have a bounce log is looked up, problems are counted anew."""
        self._bounced = frozenset(names_below("bounce/"))
        self._problems = 0

    def place(self, state: str, id: str) -> str:
        """Where the file of a queue ID lies."""
        return place.folder(state, id, self._hash_names, self._hash_depth) + id

    def read(self, paths: "Iterable[str]") -> "Tuple[array[int], List[bytes]]":
        """The stamp of each file (see `stamp`; or `NO_MESSAGE`), and the lines that tell what is in them."""
        stamps = array("q")
        lines: "List[bytes]" = []
        rows: "List[Any]" = []
        weight = 0
        for path in paths:
            try:
                row, stamp = self._read_one(path)
            except record.Damaged as damaged:
                row, stamp = damaged.row, self.stamp(path)
                if not path.startswith(_EXPECTED):
                    self.problem(lines, path, str(damaged))
            except FileNotFoundError:
                row, stamp = None, UNREAD
            except OSError as error:
                row, stamp = None, NO_MESSAGE
                if error.errno != errno.ELOOP:
                    self.problem(lines, path, error.strerror or str(error))
            stamps.append(stamp)
            if row is not None:
                rows.append(row)
                weight += len(row[-1])
                if weight > _RECIPIENTS_A_LINE:
                    lines.append(line("rows", rows))
                    rows, weight = [], 0
        if rows:
            lines.append(line("rows", rows))
        return stamps, lines

    def stamp(self, path: str) -> int:
        """A number that is another after any change of the file, a rename included. `UNREAD`: it is gone."""
        try:
            return _stamp(os.lstat(path))
        except OSError:
            return UNREAD

    def problem(self, lines: "List[bytes]", path: str, text: str) -> None:
        """Add a problem line, unless there have been enough."""
        self._problems += 1
        if self._problems < _PROBLEM_LIMIT:
            lines.append(line("problem", path, text))
        elif self._problems == _PROBLEM_LIMIT:
            lines.append(line("problem", "", "more files could not be read, or not to their ends"))

    def _read_one(self, path: str) -> "Tuple[Any, int]":
        state = path[: path.index("/")]
        id = path[path.rindex("/") + 1 :]
        trash = state == "mtatui"
        fd = os.open(path, record.OPEN_FLAGS)
        try:
            info = os.fstat(fd)
            stamp = _stamp(info)
            if not stat.S_ISREG(info.st_mode):
                return None, NO_MESSAGE
            if trash:
                if info.st_nlink > 1:  # still in the queue, too
                    return None, UNREAD
                state = "trash"
            elif info.st_mode & stat.S_IRWXU != stat.S_IRWXU and state in _FINISHED_ONLY:
                return None, UNREAD
            if state == "deferred" and self._alike:
                logs: "Tuple[str, ...]" = ("defer/" + path[9:],)
            else:
                logs = (self.place("defer", id),) if state in _LOGGED else ()
            if id in self._bounced:
                logs += (self.place("bounce", id),)
            return record.row_of(fd, info, id, state, logs), stamp
        finally:
            os.close(fd)


def modified(stamp: int) -> int:
    """The modification time in a stamp (epoch seconds)."""
    return stamp >> _CHANGE_BITS


def _stamp(info: os.stat_result) -> int:
    """The modification time in seconds; in the low bits, the time of the last change of any kind, in ms."""
    change = info.st_ctime_ns // 1000000 & _CHANGE_MASK
    return max(1, int(info.st_mtime)) << _CHANGE_BITS | change
