"""The hands on the queue: links into the trash and back, moves out of the corrupt directory and out of
deliveries, the journal.

The one rule: while a message is moved its file never is without a name. A link is made first, and the old
one removed only when the new one is seen to be the same file; or it is renamed in one step, as Postfix itself
does, where two names would be one too many. Standard library only, Python 3.6 or newer.
"""

import contextlib
import errno
import os
import re
import stat
import time

from . import aside, ledger, logs, place, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple, Union

    Item = Tuple[str, str]
    Found = Tuple[str, str, os.stat_result]
    Answer = Union[None, str, List[Any]]

STATES = ("hold", "deferred", "active", "incoming", "corrupt", "maildrop")
#: mtatui's own directories inside the queue directory.
ROOM = "mtatui"
ORIGIN = ROOM + "/origin"

IS_ID = re.compile(r"[A-Za-z0-9]{5,}\Z").match
_SHORT_ID = re.compile(r"[0-9A-F]{6,}\Z").match
_MICROSECONDS = 5


class Refused(Exception):
    """An operation that will not be done at all, in words."""


class Hands:
    """What may be done to the files of one queue directory."""

    def __init__(self, queue: str, hash_names: str, hash_depth: int, look_only: bool = False) -> None:
        self.queue = queue
        self.look_only = look_only
        self.logs = logs.Logs(self)
        self.aside = aside.Aside(self)
        self._names = place.queue_names(hash_names)
        self._depth = hash_depth
        self._owners: "Dict[str, int]" = {}
        self.lock = ledger.Lock(queue)
        self._ready = False

    # -- looking ---------------------------------------------------------------------------------------------

    def identify(self, id: str, state: str) -> "Answer":
        """Who and where a message is now: state, arrival, size, sender, 1 where its expiry is asked for, 1
        where refusals are still to be reported to its sender."""
        if state == "trash":
            arrival, size, sender = record.read_identity(self._trash(id))
            return ["trash", arrival, size, sender, 0, 0]
        for _ in range(3):  # it may move between finding and reading
            found = self.find(id, state)
            if found is None:
                return None
            try:
                arrival, size, sender = record.read_identity(found[1])
            except FileNotFoundError:
                continue
            expiring = 1 if found[2].st_mode & stat.S_IXGRP else 0
            return [found[0], arrival, size, sender, expiring, self.logs.owes(id)]
        return "it moves too fast to be read"

    def trash(self, limit: int) -> "List[Any]":
        """What is in the trash, last deleted first: how many, their bytes on disk, rows of the first."""
        kept = sorted(self._trashed(), key=lambda item: -item[1].st_ctime)
        rows = []
        for id, _ in kept[:limit]:
            try:
                rows.append(record.read_row(self._trash(id), id, "trash", logs=self.logs.kept(id)))
            except record.Damaged as damaged:
                rows.append(damaged.row)
            except OSError:
                continue
        return [len(kept), sum(info.st_size for _, info in kept), rows]

    # -- into the trash and out of it ------------------------------------------------------------------------

    def keep(self, id: str, state: str) -> "Answer":
        """Link a message into the trash; who it is, as `identify` says, but of the file that was linked. One
        that is in a delivery, or may be so at any moment, is not linked: it must be taken out of it first."""
        kept = self._trash(id)
        path = self.place(state, id) if state in STATES else ""
        for _ in range(4):
            try:
                if not path:
                    found = self.find(id, state)
                    if found is None:
                        return None
                    state, path = found[:2]
                if state in aside.MOVING:
                    return [state, *record.read_identity(path), 0, 0]
                os.link(path, kept, follow_symlinks=False)
                break
            except FileNotFoundError:
                path = ""  # it has moved on
            except FileExistsError:
                if not os.path.samestat(os.lstat(kept), os.lstat(path)):
                    return "another message with this ID is in the trash: restore it, or empty the trash"
                break
        else:
            return "it moves too fast to be kept"
        info = os.lstat(kept)
        if not self._is_message(state, info):
            self._forget(id)
            return "it is not a queue file"
        if state in ("corrupt", "maildrop"):
            logs.unlink(self.path(ORIGIN, id))
            os.symlink(state, self.path(ORIGIN, id))
        self.logs.keep(id)
        arrival, size, sender = record.read_identity(kept)
        return [state, arrival, size, sender, 1 if info.st_mode & stat.S_IXGRP else 0, 0]

    def drop(self, id: str, ended: int = 0) -> "Answer":
        """Take a message out of the trash if the queue has it too, or (1) it has come to its end elsewhere:
        ``["last"]``, and nothing done, if not."""
        info = os.lstat(self._trash(id))
        found = self.find(id, "hold")
        if ended != 1 and (found is None or not os.path.samestat(found[2], info)):
            return ["last"]
        self._forget(id)
        return ["dropped"]

    def destroy(self, id: str) -> "Answer":
        """Remove a message of the trash for good, and what deliveries under way wrote after it left."""
        os.lstat(self._trash(id))
        if self.find(id, "hold", 1) is None:
            self.logs.destroy(id)
        self._forget(id)
        return []

    def discard(self, id: str, *who: "Any") -> "Answer":
        """Take a message that is in the trash out of the corrupt directory; for ``who`` see `free`."""
        path = self.place("corrupt", id)
        if who and record.read_identity(path) != who:
            return []
        if not os.path.samestat(os.lstat(path), os.lstat(self._trash(id))):
            return "the file in the trash is another one"
        os.unlink(path)
        return [1]

    def restore(self, id: str, *who: "Any") -> "Answer":
        """Put a message of the trash on hold, under its own ID (a corrupt one, or one that waited for pickup,
        back to where it was): the state it has now, and 1 where its name fits its inode.

        Args:
            who: arrival, size and sender that it must have: ``[]``, and nothing done, where it has others.
        """
        info = os.lstat(self._trash(id))
        if who and record.read_identity(self._trash(id)) != who:
            return []
        if not stat.S_ISREG(info.st_mode):
            return "it is not a queue file"
        found = self.find(id, "hold", 2 if info.st_nlink > 1 else 1)
        if found is not None:
            if not os.path.samestat(found[2], info):
                return "another message has this ID now (%s)" % found[0]
            self._forget(id)
            return [found[0], 1]
        state = "hold"
        try:
            state = os.readlink(self.path(ORIGIN, id))
        except OSError:
            if not info.st_mode & stat.S_IXUSR:
                return "it never was received completely"
        if state not in STATES:
            state = "hold"
        self.logs.restore(id)
        self._move(self._trash(id), state, id, info)
        self._forget(id)
        return [state, _fits(id, info)]

    def purge(self, max_age: float, max_bytes: int) -> "List[Any]":
        """Empty the trash of what is older than so many seconds, then of the oldest until so many bytes are
        left: how many messages, and their bytes. What the queue still has stays: it costs nothing."""
        kept = sorted(
            (item for item in self._trashed() if item[1].st_nlink == 1), key=lambda i: i[1].st_ctime
        )
        self.aside.sweep()
        left = sum(info.st_size for _, info in kept)
        count = freed = 0
        oldest = time.time() - max_age
        for id, info in kept:
            if info.st_ctime >= oldest and left <= max_bytes:
                break
            self.destroy(id)
            left -= info.st_size
            freed += info.st_size
            count += 1
        return [count, freed]

    # -- out of the corrupt directory ------------------------------------------------------------------------

    def free(self, id: str, *who: "Any") -> "Answer":
        """Move a message from the corrupt directory to hold: 1 where its name fits its inode.

        Args:
            who: arrival, size and sender that it must have: ``[]``, and nothing done, where it has others.
        """
        path = self.place("corrupt", id)
        if who and record.read_identity(path) != who:
            return []
        info = os.lstat(path)
        if not self._is_message("corrupt", info):
            return "it is not a queue file"
        self._move(path, "hold", id, info)
        self._make_ready(self.place("hold", id), info)
        os.unlink(path)
        return [_fits(id, info)]

    # -- inside ----------------------------------------------------------------------------------------------

    def _trash(self, id: str) -> str:
        return self.path(place.TRASH, id)

    def path(self, folder: str, id: str) -> str:
        return "%s/%s/%s" % (self.queue, folder, id)

    def place(self, state: str, id: str) -> str:
        return self.queue + "/" + place.folder(state, id, self._names, self._depth) + id

    def find(self, id: str, hint: str, rounds: int = 2) -> "Optional[Found]":
        first = (hint,) if hint in STATES else ()
        # Twice: it may have moved from a queue not looked at yet to one that had been.
        for state in (first + STATES) * rounds:
            path = self.place(state, id)
            try:
                info = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if self._is_message(state, info):
                return state, path, info
        return None

    def _is_message(self, state: str, info: os.stat_result) -> bool:
        """A regular file of the mail system's own (in maildrop, of whoever submitted it)."""
        if state not in self._owners:
            self._owners[state] = os.lstat(os.path.join(self.queue, state)).st_uid
        return stat.S_ISREG(info.st_mode) and (state == "maildrop" or info.st_uid == self._owners[state])

    def _move(self, path: str, state: str, id: str, info: os.stat_result) -> None:
        """Give a file its second name, in a queue; the first one is the caller's to remove."""
        self.make_folder(state, id)
        target = self.place(state, id)
        os.link(path, target, follow_symlinks=False)
        if not os.path.samestat(os.lstat(target), info):
            os.unlink(target)
            raise OSError(errno.EBUSY, "the file was exchanged while it was moved")

    def _make_ready(self, path: str, info: os.stat_result) -> None:
        """Give back the mode that ``mark_corrupt.c`` took: without it Postfix takes no notice of a file."""
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if os.path.samestat(os.fstat(fd), info):
                os.fchmod(fd, stat.S_IRWXU)
        finally:
            os.close(fd)

    def make_folder(self, state: str, id: str) -> None:
        """Make the hash folder of an ID, as the mail system would (``mail_queue_mkdirs``)."""
        folder = os.path.join(self.queue, state)
        for part in place.folder(state, id, self._names, self._depth).split("/")[1:-1]:
            owner = os.lstat(folder)
            folder = os.path.join(folder, part)
            try:
                os.mkdir(folder, 0o700)
            except FileExistsError:
                continue
            os.chown(folder, owner.st_uid, owner.st_gid)

    def _trashed(self) -> "List[Tuple[str, os.stat_result]]":
        kept: "List[Tuple[str, os.stat_result]]" = []
        try:
            entries = os.scandir(os.path.join(self.queue, place.TRASH))
        except FileNotFoundError:
            return kept
        with entries:
            for entry in entries:
                if IS_ID(entry.name):
                    try:
                        kept.append((entry.name, entry.stat(follow_symlinks=False)))
                    except FileNotFoundError:
                        continue
        return [item for item in kept if stat.S_ISREG(item[1].st_mode)]

    def _forget(self, id: str) -> None:
        """Take all there is of a message out of mtatui's directories."""
        logs.unlink(self._trash(id))
        logs.unlink(self.path(ORIGIN, id))
        self.logs.forget(id)

    def open_room(self) -> None:
        """Have mtatui's own directories, for nobody but root, on the file system of the queue."""
        if self._ready:
            return
        device = os.lstat(os.path.join(self.queue, "hold")).st_dev
        for name in (ROOM, place.TRASH, ORIGIN, aside.RENAMED, *logs.ROOMS.values()):
            path = os.path.join(self.queue, name)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)
            info = os.lstat(path)
            if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
                raise Refused(
                    "%s must be a directory that only its owner, %d, can enter" % (path, os.geteuid())
                )
            if info.st_dev != device:
                raise Refused("%s is not on the file system of the queue: nothing can be kept there" % path)
        self._ready = True


def _fits(id: str, info: os.stat_result) -> int:
    """Whether a short ID ends in the file's inode number, as it must; long ones need not."""
    return 0 if _SHORT_ID(id) and id[_MICROSECONDS:] != "%X" % info.st_ino else 1
