"""Taking messages out of a delivery: onto hold, under a queue ID that the mail system has not heard of.

qmgr(8) keeps an active message in memory, by its queue ID, wherever its file is moved meanwhile. Should
another life of the same ID begin before the first is over, the end of the first removes or defers the file
of the second, and recipients that nobody has tried are lost (``qmgr_active.c``; ``postsuper -h`` and ``-H``
alone do it). Under another ID the first life finds no file any more and ends, and whoever releases the
message later, however soon, is safe. A delivery agent that has the file open marks its recipients as done in
that same file, and holds a lock on it: qmgr waits for that before it begins the second life.

Standard library only, Python 3.6 or newer.
"""

import contextlib
import fcntl
import os
import re
import stat
import time

from . import logs, place, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple, Union

    from .hands import Hands

    Answer = Union[None, str, List[object]]

#: Where a message may be known to qmgr, or be so at any moment.
MOVING = ("incoming", "active")
#: For each queue ID that was given up a symbolic link of its name, which tells the new one.
RENAMED = "mtatui/renamed"
#: Seconds after which the first life is over for certain, and what it left behind is removed.
OVER = 2 * 86400.0

_ID = re.compile(r"[A-Za-z0-9]{6,}\Z").match
_TRIES = 10


class Aside:
    """What takes messages out of deliveries in one queue."""

    def __init__(self, hands: "Hands") -> None:
        self._hands = hands

    def fresh(self, id: str) -> "Answer":
        """A queue ID that this message could have, and that nothing else has; of the same kind as its own."""
        found = self._hands.find(id, "active")
        if found is None:
            return None
        now = int(time.time() * 1000000)
        for moment in range(now, now + _TRIES):
            new = place.make_id(moment, found[2].st_ino, place.is_long(id))
            if new != id and not self._used(new):
                return [new]
        return "there is no free queue ID for it"

    def take(self, id: str, new: str, spare: int = 0, *who: "Any") -> "Answer":
        """Put a message on hold under its fresh queue ID, in one step: the ID under which it is on hold now
        (its own, where somebody else has put it there).

        Args:
            spare: 1 leaves one alone that is made to expire already.
            who: arrival, size and sender that it must have. With them it is ``[]``, and nothing done, where
                it has others, is not in a delivery any more, is to be spared, or cannot have that ID.
        """
        for _ in range(4):
            found = self._hands.find(id, "active")
            if found is None:
                return None
            state, path, info = found
            if who and not (state in MOVING and self._fits(path, info, new, spare, who)):
                return []
            if state == "hold":
                return [id]
            if state not in MOVING and state != "deferred":
                return "it is in %s now" % state
            if not info.st_mode & stat.S_IXUSR:
                return "it is still being received"
            if not _ID(new) or not place.fits(new, info.st_ino):
                return "another message has this ID now"
            if self._used(new):
                return "its new queue ID is taken"
            with contextlib.suppress(FileExistsError):
                os.symlink(new, self._hands.path(RENAMED, id))
            self._hands.make_folder("hold", new)
            try:
                os.rename(path, self._hands.place("hold", new))
            except FileNotFoundError:
                logs.unlink(self._hands.path(RENAMED, id))
                continue  # it has moved on
            self._logs(id, new)
            return [new]
        return "it moves too fast to be taken out"

    def _fits(self, path: str, info: os.stat_result, new: str, spare: int, who: "Tuple[Any, ...]") -> bool:
        try:
            same = record.read_identity(path) == who
        except FileNotFoundError:
            return False
        known = place.fits(new, info.st_ino) and not self._used(new)
        return same and known and not (spare and info.st_mode & stat.S_IXGRP)

    def follow(self, id: str, new: str) -> "Answer":
        """Give a message its logs that was taken out when we were interrupted."""
        if self._hands.find(id, "active") is None:
            self._logs(id, new)
        return []

    def sweep(self) -> None:
        """Remove what long ended deliveries have left behind under queue IDs that were given up."""
        with os.scandir(os.path.join(self._hands.queue, RENAMED)) as entries:
            old = [e.name for e in entries if e.stat(follow_symlinks=False).st_mtime < time.time() - OVER]
        for id in old:
            if self._hands.find(id, "hold") is None:
                self._hands.logs.destroy(id)
            logs.unlink(self._hands.path(RENAMED, id))

    def _logs(self, id: str, new: str) -> None:
        """Let the logs go with the message; but of an attempt that was broken off, a message that is made to
        expire is not to have half a defer log."""
        found = self._hands.find(new, "hold")
        if found is not None and _under_way(found[1]):
            self._hands.logs.share(id, new)
        else:
            self._hands.logs.rename(id, new)
        if found is not None and found[2].st_mode & stat.S_IXGRP:
            self._hands.logs.report_all(new)

    def _used(self, id: str) -> bool:
        """Whether anything has, or had lately, this queue ID."""
        hands = self._hands
        paths = [
            hands.place(state, id) for state in (*MOVING, "deferred", "hold", "corrupt", "maildrop", "trash")
        ]
        paths += [hands.place(log, id) for log in logs.ALL]
        paths.append(hands.path(RENAMED, id))
        return any(os.path.lexists(path) for path in paths)


def _under_way(path: str) -> bool:
    """Whether a delivery agent has the file open: it holds a lock until its attempt has ended
    (``deliver_request.c``)."""
    fd = os.open(path, record.OPEN_FLAGS)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
