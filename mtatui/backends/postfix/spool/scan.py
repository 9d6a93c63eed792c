"""One spool, looked at again and again: what is new, changed, moved or gone since the last time.

The first scan lists the queue directories and reads the files, in the order of their inodes. Later ones
list only the directories that have changed (one whose modification time has not moved holds the same names)
and open only the files that are new there. A thorough scan also looks at the times of every file: what
changed in place (a flush, recipients that were served) does not show otherwise.

What is remembered of a file is its name and a stamp, some twenty bytes. Files move while we look: one that
has left a directory is looked for everywhere before it is called gone, and what slips through is put right by
the next scan. The lines are `mtatui.queue.delta`'s. Paths are relative: the process stands in the spool.
"""

import os
import re
import time
from array import array

from . import place, workers
from .files import NO_MESSAGE, UNREAD, Reader, line, modified

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

#: In the order messages mostly travel, so that one that moves on meanwhile is seen where it arrives.
STATES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt", "trash")

FIRST_ROWS = 200
#: How many files are read at a time, by their inodes, while others are listed: at least, at most.
_WAVES = (8000, 200000)
_IDS_A_LINE = 10000
_GLANCES = 5000
_DEPTH_LIMIT = 20

#: How long (ns) a directory must have been quiet for its modification time to be believed: some file systems
#: count in steps of two seconds.
_QUIET = 2 * 10**9

_QUEUE_IDS = re.compile(r"[A-Za-z0-9]{5,}(?:\n[A-Za-z0-9]{5,})*\Z").match
_NAME = re.compile(r"[A-Za-z0-9]{5,}\Z").match
_TRASH_NAME = re.compile(r"[A-Za-z0-9]{5,}(?:\.[0-9]{1,9})?\Z").match


class Folder:
    """One directory of the spool as it was when last listed: its names, and the stamp of each file."""

    __slots__ = (
        "count",
        "folders",
        "inodes",
        "listed",
        "mtime",
        "names",
        "path",
        "stamps",
        "state",
        "unread",
    )

    def __init__(self, path: str, state: str) -> None:
        self.path = path
        self.state = state
        self.mtime = self.listed = 0
        self.folders: "List[str]" = []
        self.inodes = array("Q")
        self.store({})

    def load(self) -> "Dict[str, int]":
        """The names, each with the stamp of its file."""
        return dict(_pairs(self.names.split("\n"), self.stamps)) if self.names else {}

    def store(self, files: "Dict[str, int]") -> None:
        """Remember names and stamps in little space."""
        self.names = "\n".join(files)
        self.stamps = array("q", files.values())
        self.settle()

    def settle(self) -> None:
        """Count again: messages, and files that still wait to be read."""
        self.unread = self.stamps.count(UNREAD)
        self.count = len(self.stamps) - self.unread - self.stamps.count(NO_MESSAGE)


class Spool:
    """The spool that the process stands in.

    Args:
        hash_names: which queues have folders (`place.queue_names`).
        hash_depth: how many levels of them.
        write: takes whole lines. Several processes call it, one at a time.
    """

    def __init__(
        self, hash_names: "frozenset[str]", hash_depth: int, write: "Callable[[bytes], None]"
    ) -> None:
        self._reader = Reader(hash_names, hash_depth)
        self._write = write
        self._folders: "Dict[str, Folder]" = {}
        # Of the first scan: folders that wait to be read, with so many files; those that are being read, the
        # order of their files, and what is to be said after that.
        self._listed: "List[Folder]" = []
        self._waiting = 0
        self._reading: "List[Folder]" = []
        self._wave: "Optional[workers.Reading]" = None
        self._order = array("L")
        self._unsaid: "List[bytes]" = []
        # Of the scan under way: the folders that are taken apart; where files have appeared; what has left.
        self._open: "Dict[Folder, Dict[str, int]]" = {}
        self._came: "Dict[str, Folder]" = {}
        self._left: "Dict[str, int]" = {}

    def scan(self, thorough: bool = False) -> None:
        """Say what is new since the last scan: everything, the first time."""
        began = time.time()
        self._reader.begin()
        if self._folders:
            self._refresh(thorough)
        else:
            self._read_all()
        self._say("done", began, time.time() - began, self._counts())

    def _say(self, *parts: "Any") -> None:
        self._tell([line(*parts)])

    def _problem(self, path: str, error: OSError) -> None:
        lines: "List[bytes]" = []
        self._reader.problem(lines, path, error.strerror or str(error))
        self._tell(lines)

    def _tell(self, lines: "List[bytes]") -> None:
        """Write lines, once nobody else is writing."""
        if self._wave is None:
            self._write(b"".join(lines))
        else:
            self._unsaid += lines

    def _counts(self) -> "Dict[str, int]":
        counts = dict.fromkeys(STATES, 0)
        for folder in self._folders.values():
            counts[folder.state] += folder.count
        return counts

    def _walk(self, state: str) -> "Iterator[Folder]":
        """The folders of a state, each before those inside it, which are known once it has been listed."""
        paths = [(place.TRASH if state == "trash" else state) + "/"]
        while paths:
            path = paths.pop()
            if path not in self._folders:
                self._folders[path] = Folder(path, state)
            folder = self._folders[path]
            yield folder
            if path.count("/") < _DEPTH_LIMIT:
                paths += [path + name + "/" for name in folder.folders]

    # The first scan: folders are listed while those listed before are being read

    def _read_all(self) -> None:
        counts = dict.fromkeys(STATES, 0)
        first = FIRST_ROWS
        try:
            for state in STATES:
                for folder in self._walk(state):
                    names = self._list_new(folder)
                    counts[state] += len(names)
                    if first and names and state != "trash":
                        self._say("counts", counts)
                        folder.stamps = workers.read(
                            self._reader, [folder.path + name for name in names[:first]], self._write
                        )
                        first -= len(folder.stamps)
                    self._listed.append(folder)
                    self._waiting += len(names) - len(folder.stamps)
                    self._read_on(_WAVES[0])
                self._say("counts", counts)
            while self._listed:
                self._end_wave()
                self._read_on(0)
            self._end_wave()
        finally:
            if self._wave is not None:
                self._wave.stop()

    def _read_on(self, least: int) -> None:
        """Begin to read what has been listed, if that is enough and nothing is being read."""
        if self._wave is not None and self._wave.over():
            self._end_wave()
        if self._wave is None and self._waiting >= least:
            self._begin_wave()

    def _list_new(self, folder: Folder) -> "List[str]":
        """List a folder for the first time, with the inodes of its files."""
        names: "List[str]" = []
        try:
            folder.mtime = os.stat(folder.path).st_mtime_ns
            with os.scandir(folder.path) as listing:
                entries = list(listing)
            names = [entry.name for entry in entries]
            if not _QUEUE_IDS("\n".join(names)):
                folder.folders = [name for name in names if len(name) == 1]
                entries = [entry for entry in entries if _is_message(entry.name, folder.state)]
                names = [entry.name for entry in entries]
            folder.inodes = array("Q", [entry.inode() for entry in entries])
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self._problem(folder.path, error)
        folder.listed = _now()
        folder.names = "\n".join(names)
        return names

    def _begin_wave(self) -> None:
        """Begin to read what has been listed and not been read, in the order of the inodes."""
        paths: "List[str]" = []
        inodes = array("Q")
        while self._listed and len(paths) < _WAVES[1]:
            folder = self._listed.pop(0)
            done = len(folder.stamps)
            paths += [folder.path + name for name in folder.names.split("\n")[done:] if name]
            inodes += folder.inodes[done:]
            folder.inodes = array("Q")
            self._reading.append(folder)
        self._waiting -= len(paths)
        self._order = array("L", sorted(range(len(paths)), key=inodes.__getitem__))
        self._wave = workers.Reading(self._reader, [paths[index] for index in self._order], self._write)

    def _end_wave(self) -> None:
        """Wait until it is read, and say what was not to be said in between."""
        if self._wave is None:
            return
        stamps = array("q", bytes(8 * len(self._order)))
        for index, stamp in _pairs(self._order, self._wave.stamps()):
            stamps[index] = stamp
        start = 0
        for folder in self._reading:
            size = folder.names.count("\n") + 1 if folder.names else 0
            end = start + size - len(folder.stamps)
            folder.stamps += stamps[start:end]
            folder.settle()
            start = end
        self._wave, self._reading = None, []
        self._write(b"".join(self._unsaid))
        self._unsaid = []

    # Later scans

    def _refresh(self, thorough: bool) -> None:
        now, glances = time.time(), _GLANCES
        for state in STATES:
            for folder in self._walk(state):
                self._look(folder)
        todo, moved, gone = self._sort_out()
        for folder in self._folders.values():
            if thorough:
                todo += self._changed(folder, self._files(folder).items())
            elif folder.state == "deferred" and folder in self._open and glances > 0:
                # What has been tried may be back under its name: look at all if they are few, else at what
                # was due.
                some = list(self._open[folder].items())
                if len(some) > glances:
                    some = [item for item in some if modified(item[1]) <= now][:glances]
                glances -= len(some)
                todo += self._changed(folder, some)
            if folder.unread:
                todo += [(folder, name) for name, stamp in self._files(folder).items() if stamp == UNREAD]
        todo = list(dict.fromkeys(todo))
        stamps = workers.read(self._reader, [folder.path + name for folder, name in todo], self._write)
        for (folder, name), stamp in _pairs(todo, stamps):
            self._opened(folder)[name] = stamp
        for state, ids in moved.items():
            for start in range(0, len(ids), _IDS_A_LINE):
                self._say("moved", state, ids[start : start + _IDS_A_LINE])
        for start in range(0, len(gone), _IDS_A_LINE):
            self._say("gone", gone[start : start + _IDS_A_LINE])
        for folder, files in self._open.items():
            folder.store(files)
        self._open, self._came, self._left = {}, {}, {}

    def _look(self, folder: Folder) -> None:
        """List a folder again if it may have changed."""
        try:
            mtime = os.stat(folder.path).st_mtime_ns
            if mtime == folder.mtime and folder.listed - mtime > _QUIET:
                return
            listed = os.listdir(folder.path)
        except (FileNotFoundError, NotADirectoryError):
            mtime, listed = 0, []
        except OSError as error:
            self._problem(folder.path, error)
            return
        folder.mtime, folder.listed = mtime, _now()
        names = _messages(listed, folder.state)
        if len(names) < len(listed):
            # One that has been removed is kept: it is found empty.
            folder.folders = sorted({name for name in listed if len(name) == 1}.union(folder.folders))
        before = self._files(folder)
        came = [name for name in names if name not in before]
        left = before.keys() - set(names) if len(before) + len(came) > len(names) else ()
        if not came and not left and folder.state != "deferred":
            return
        files = self._opened(folder)
        for name in left:
            stamp = files.pop(name)
            if stamp != NO_MESSAGE:
                # What was told of a message in the trash is not what holds of it in the queue.
                self._left[name] = UNREAD if folder.state == "trash" else stamp
        for name in came:
            files[name] = UNREAD
            self._came[name] = folder

    def _sort_out(self) -> "Tuple[List[Tuple[Folder, str]], Dict[str, List[str]], List[str]]":
        """What must be read, what has moved to which state and otherwise is as it was, and what is gone."""
        todo: "List[Tuple[Folder, str]]" = []
        moved: "Dict[str, List[str]]" = {}
        gone: "List[str]" = []
        for name, folder in self._came.items():
            before = self._left.pop(name, UNREAD)
            stamp = self._reader.stamp(folder.path + name) if before != UNREAD else UNREAD
            # Into deferred comes what was tried, with a new reason; into the trash, what has left the queue.
            if (
                stamp != UNREAD
                and modified(stamp) == modified(before)
                and folder.state not in ("deferred", "trash")
            ):
                self._opened(folder)[name] = stamp
                moved.setdefault(folder.state, []).append(name)
            else:
                todo.append((folder, name))
        for name in self._left:
            for state in STATES:
                path = self._reader.place(state, name)
                home = self._folders.get(path[: -len(name)])
                if home is not None and self._reader.stamp(path) != UNREAD:
                    todo.append((home, name))
                    break
            else:
                gone.append(name)
        return todo, moved, gone

    def _changed(self, folder: Folder, files: "Iterable[Tuple[str, int]]") -> "List[Tuple[Folder, str]]":
        """Those of the files that are not what they were."""
        path, stamp = folder.path, self._reader.stamp
        return [(folder, name) for name, before in files if before != UNREAD and stamp(path + name) != before]

    def _files(self, folder: Folder) -> "Dict[str, int]":
        """The files of a folder, to look at."""
        files = self._open.get(folder)
        return folder.load() if files is None else files

    def _opened(self, folder: Folder) -> "Dict[str, int]":
        """The files of a folder, to change: they are stored when the scan is complete."""
        if folder not in self._open:
            self._open[folder] = folder.load()
        return self._open[folder]


def _pairs(one: "Iterable[Any]", other: "Iterable[Any]") -> "Iterator[Tuple[Any, Any]]":
    return zip(one, other)  # noqa: B905  # strict= needs Python 3.10


def _now() -> int:
    return int(time.time() * 10**9)


def _is_message(name: str, state: str) -> bool:
    return bool(_TRASH_NAME(name) if state == "trash" else _NAME(name))


def _messages(names: "List[str]", state: str) -> "List[str]":
    """Those names that can be messages: usually all, so they are looked at together first."""
    if _QUEUE_IDS("\n".join(names)):
        return names
    return [name for name in names if _is_message(name, state)]
