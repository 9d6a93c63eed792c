"""The room on the server where changes of settings are remembered: ``<queue directory>/mtatui/settings``.

Each entry is a directory: ``entry.json`` says what is about to be done (whoever finds it can take it back),
``before-N`` are the files as they were, ``outcome`` is one block that was written when there still was room
for it and is overwritten in place: a full disk cannot keep us from saying how it ended. Everything is on the
disk before what it announces is done. For root only; one at a time, by a lock that dies with its holder.
"""

import contextlib
import errno
import fcntl
import itertools
import json
import os
import stat
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

HOME = "mtatui/settings"
#: Entries that are kept, and bytes of them.
KEEP = 500
KEEP_BYTES = 64 * 1024 * 1024
#: Bytes of an outcome: within one page, so that it is written whole or not at all.
BLOCK = 4096
#: Phases of an entry that has not ended.
BEGUN, TOUCHING, AWAITING = "begun", "touching", "awaiting"


class Room:
    """The room of one queue directory."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.path = os.path.join(queue, HOME)

    def open(self) -> None:
        """Have it, for nobody but us.

        Raises:
            OSError: it cannot be made, or is somebody else's.
        """
        for path in (os.path.dirname(self.path), self.path):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
            info = os.lstat(path)
            if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
                raise OSError(
                    errno.EPERM, "must be a directory that only its owner, %d, can enter" % os.geteuid(), path
                )

    def entries(self) -> "List[Entry]":
        """All entries, the oldest first."""
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return []
        found = []
        for name in names:
            if "-s" in name:
                with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
                    found.append(Entry(self, name).load())
        return sorted(found, key=lambda entry: float(entry.document["at"]))

    def entry(self, id: str) -> "Entry":
        """One of them.

        Raises:
            OSError: there is none.
        """
        if "/" in id or "-s" not in id:
            raise FileNotFoundError(errno.ENOENT, "there is no such entry", id)
        return Entry(self, id).load()

    def new(self, document: "Dict[str, Any]") -> "Entry":
        """Begin an entry: its directory and its name. It counts when `Entry.begin` has written it down."""
        for number in itertools.count():  # the names of one second sort, too
            entry = Entry(self, "%s-s%03x" % (time.strftime("%y%m%d-%H%M%S"), number))
            try:
                os.mkdir(entry.path, 0o700)
            except FileExistsError:
                continue
            entry.document = dict(document, id=entry.id)
            return entry
        raise AssertionError("numbers have come to an end")

    def sweep(self) -> None:
        """Remove what is too old or never was written down; only with the lock."""
        entries = self.entries()
        known = {entry.id for entry in entries}
        for name in os.listdir(self.path):
            if "-s" in name and name not in known:
                remove(os.path.join(self.path, name))
        left, sizes = len(entries), {entry.id: entry.size() for entry in entries}
        total = sum(sizes.values())
        for entry in entries[:-1]:
            if left <= KEEP and total <= KEEP_BYTES:
                break
            if entry.ended:
                remove(entry.path)
                left -= 1
                total -= sizes[entry.id]


class Entry:
    """One change of settings, done or begun."""

    def __init__(self, room: Room, id: str) -> None:
        self.room = room
        self.id = id
        self.path = os.path.join(room.path, id)
        self.document: "Dict[str, Any]" = {}

    def load(self) -> "Entry":
        """Read what was to be done."""
        with open(self.file("entry.json"), "rb") as file:
            document = json.loads(file.read().decode("ascii"))
        if document["id"] != self.id or float(document["at"]) < 0 or not isinstance(document["files"], list):
            raise ValueError("it is not what it is called")
        self.document = document
        return self

    def file(self, name: str) -> str:
        """The path of one of its files."""
        return os.path.join(self.path, name)

    def begin(self) -> None:
        """Write it down; it is on the disk when this returns. What it keeps must be there already."""
        write(self.file("outcome"), _block({"phase": BEGUN}))
        write(self.file("entry.new"), json.dumps(self.document).encode("ascii"))
        os.rename(self.file("entry.new"), self.file("entry.json"))
        sync(self.path)
        sync(self.room.path)

    def note(self, **state: "Any") -> None:
        """Say how far it is, or how it ended; on the disk when this returns."""
        fd = os.open(self.file("outcome"), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(fd, _block(state), 0)
            os.fsync(fd)
        finally:
            os.close(fd)

    def state(self) -> "Dict[str, Any]":
        """How far it is. What cannot be read is taken for the worst: files may have been touched."""
        try:
            with open(self.file("outcome"), "rb") as file:
                state = json.loads(file.read().decode("ascii"))
        except (OSError, ValueError):
            return {"phase": TOUCHING}
        return state if isinstance(state, dict) else {"phase": TOUCHING}

    @property
    def ended(self) -> bool:
        """Whether its outcome is known."""
        return "outcome" in self.state()

    def size(self) -> int:
        """Bytes that it takes."""
        return sum(os.lstat(self.file(name)).st_size for name in os.listdir(self.path))


class Lock:
    """The right to change the settings of this server."""

    def __init__(self, room: Room) -> None:
        self._path = os.path.join(room.path, "lock")
        self.fd = -1

    def take(self, who: str) -> str:
        """Take it: "", or who has it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode("utf-8", "replace")
            os.close(fd)
            return holder or "somebody"
        self.fd = fd
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(fd, 0)
            os.pwrite(fd, who.encode("utf-8", "backslashreplace")[:200], 0)
        return ""

    def leave(self) -> None:
        """Give it back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def write(path: str, data: bytes) -> None:
    """Write a new file of our own; on the disk when this returns."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        pour(fd, data, path)
        os.fsync(fd)
    finally:
        os.close(fd)


def pour(fd: int, data: bytes, path: str) -> None:
    """Write all of it.

    Raises:
        OSError: it did not fit, with the path: a person must know which disk is full.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error


def sync(directory: str) -> None:
    """Have the names in a directory on the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that knows no such thing
            raise
    finally:
        os.close(fd)


def remove(directory: str) -> None:
    """Remove a directory of ours with what is in it; that it fails does no harm."""
    for folder, folders, names in os.walk(directory, topdown=False):
        for name in names + folders:
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                os.unlink(path) if os.path.islink(path) or name in names else os.rmdir(path)
    with contextlib.suppress(OSError):
        os.rmdir(directory)


def boot() -> str:
    """Which start of the machine this is; "" where nobody knows (random(4))."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _block(state: "Dict[str, Any]") -> bytes:
    """A state in one block of fixed size; too long a text is cut."""
    data, text = json.dumps(state).encode("ascii"), str(state.get("text", ""))
    while len(data) > BLOCK:
        # A character takes twelve bytes at most: what is too much by so many goes at least.
        text = text[: max(0, len(text) - max(16, (len(data) - BLOCK) // 12))]
        data = json.dumps(dict(state, text=text + " …")).encode("ascii")
    return data.ljust(BLOCK)
