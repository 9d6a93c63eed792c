"""The defer and bounce logs of messages in the trash: why they were stuck, and what their senders are owed.

``postsuper -d`` deletes them with the message. A bounce log holds refusals that the sender has not been told
of yet, and a forced expiry reports what is in the defer log: a restored message needs them whole.
Standard library only, Python 3.6 or newer.
"""

import contextlib
import os
import stat

from . import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple

    from .hands import Hands

LOGS = ("defer", "bounce")
#: With them, those of deliveries that are to be reported as such (bounce(8)).
ALL = (*LOGS, "trace")
#: Where those of the trash are.
ROOMS = {log: "mtatui/" + log for log in LOGS}


class Logs:
    """The logs of one queue."""

    def __init__(self, hands: "Hands") -> None:
        self._hands = hands
        self._any: "List[str]" = []

    def look(self) -> None:
        """Find out which of the log directories have anything in them, for what comes next."""
        self._any = []
        for log in LOGS:
            with os.scandir(os.path.join(self._hands.queue, log)) as entries:
                if next(entries, None):
                    self._any.append(log)

    def owes(self, id: str) -> int:
        """1 where a message has refusals to report."""
        return 1 if "bounce" in self._any and _size(self._hands.place("bounce", id)) else 0

    def kept(self, id: str) -> "Tuple[str, ...]":
        """The logs of a message in the trash, whether they are there or not."""
        return tuple(self._hands.path(ROOMS[log], id) for log in LOGS)

    def keep(self, id: str) -> None:
        """Link the logs of a message into the trash."""
        for log in self._any:
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                os.link(self._hands.place(log, id), self._hands.path(ROOMS[log], id), follow_symlinks=False)

    def rename(self, id: str, new: str) -> None:
        """Give a message's logs the queue ID that the message has now. Empty ones are as good as none."""
        for log in ALL:
            path = self._hands.place(log, id)
            if _size(path):
                self._hands.make_folder(log, new)
                with contextlib.suppress(FileExistsError, FileNotFoundError):
                    os.link(path, self._hands.place(log, new), follow_symlinks=False)
                    unlink(path)

    def share(self, id: str, new: str) -> None:
        """The same where an attempt is under way: what it has to report comes under the old ID, and must be
        told even if qmgr(8) is started anew before it has ended. So each log has both names from now on: a
        report that comes twice is better than none."""
        for log in ALL:
            old, path = self._hands.place(log, id), self._hands.place(log, new)
            for name in (id, new):
                self._hands.make_folder(log, name)
            if log == "bounce":
                self._begin(log, id)
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                os.link(old, path, follow_symlinks=False)

    def report_all(self, id: str, *who: "Any") -> "List[int]":
        """Have qmgr(8) report every recipient of a message that is made to expire. Where there is a defer log
        it reports those that the log names, and no others (``qmgr_message.c``): a log that does not name them
        all goes. ``[1]`` if it did.

        Args:
            who: arrival, size and sender that it must have: ``[]``, and nothing done, where it has others.
        """
        path = self._hands.place("defer", id)
        found = self._hands.find(id, "hold") if _size(path) else None
        if found is None or found[0] not in ("hold", "deferred"):
            return [0]
        if who and record.read_identity(found[1]) != who:
            return []
        try:
            recipients = record.read_row(found[1], id, found[0], logs=(path,))[-1]
        except record.Damaged as damaged:
            recipients = damaged.row[-1]
        silent = [address for address, reason, _, done, _ in recipients if not done and not reason]
        return [1 if silent and unlink(path) else 0]

    def restore(self, id: str) -> None:
        """Give a message its logs back; what deliveries under way have written after it left is kept."""
        for log in LOGS:
            kept, path = self._hands.path(ROOMS[log], id), self._hands.place(log, id)
            if not os.path.lexists(kept):
                continue
            self._hands.make_folder(log, id)
            try:
                os.link(kept, path, follow_symlinks=False)
            except FileExistsError:
                if not os.path.samestat(os.lstat(kept), os.lstat(path)):
                    _append(kept, path)

    def forget(self, id: str) -> None:
        """Take the logs out of the trash."""
        for log in LOGS:
            unlink(self._hands.path(ROOMS[log], id))

    def destroy(self, id: str) -> None:
        """Delete what deliveries under way have written after the message left: it has an end now."""
        for log in ALL:
            unlink(self._hands.place(log, id))

    def _begin(self, log: str, id: str) -> None:
        """Have a log, empty if there is none. Postfix takes an empty one for none."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            fd = os.open(self._hands.place(log, id), flags, 0o600)
        except FileExistsError:
            return
        try:
            os.fchown(fd, os.lstat(os.path.join(self._hands.queue, log)).st_uid, -1)
        finally:
            os.close(fd)


def unlink(path: str) -> bool:
    """Remove a name; whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _append(source: str, target: str) -> None:
    with open(source, "rb") as file:
        data = file.read(record.LOG_LIMIT)
    fd = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _size(path: str) -> int:
    """The bytes of a regular file, 0 where there is none."""
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return info.st_size if stat.S_ISREG(info.st_mode) else 0
