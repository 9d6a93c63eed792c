"""Knows when the log of a Postfix is at a stand, and all of Postfix with it; and has it go on.

Where Postfix writes its log itself (maillog_file), every daemon that starts sends what it finds odd in
main.cf, a duplicate say, to postlogd(8), and so does postlogd. If a reload starts so many that its socket is
full (net.unix.max_dgram_qlen: 10 lines) before it has come to read, it waits for ever for room in what only
it reads, and with it whoever wants to log: no daemon, and no command of Postfix, goes on (seen with 3.7).
"""

import contextlib
import os
import signal
import time

from . import master

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

#: Seconds between two looks: one goes over all processes.
PACE = 0.4
#: Seconds that a master gets to end.
PATIENCE = 5.0
WORDS = "its log is at a stand: postlogd waits for itself (main.cf has duplicates?)"


class Standstill:
    """Tells whether a Postfix is at a stand; cheap to ask again and again."""

    def __init__(self, queue: str) -> None:
        self._queue = queue
        self._next = time.monotonic() + PACE
        self._words = ""

    def words(self) -> str:
        """ "" while all goes on; else what is the matter."""
        if not self._words and time.monotonic() >= self._next:
            self._words = WORDS if stuck(self._queue) else ""
            self._next = time.monotonic() + PACE
        return self._words


def stuck(queue: str) -> "List[int]":
    """The processes of postlogd that wait for themselves."""
    ours, found = master.pid(queue), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/comm" % name) as comm, open("/proc/%s/wchan" % name) as waits:
                    if comm.read().strip() == "postlogd" and waits.read() == "unix_wait_for_peer":
                        found.append(name)
            except OSError:
                continue
    return [int(name) for name in found if master.child(name.encode("ascii"), ours)]


def free(queue: str) -> None:
    """End a Postfix that is at a stand, so that it can be started again. To end postlogd alone does not help:
    it would have died at its start, and master waits a minute with such a service."""
    ours = master.pid(queue)
    if not ours or not stuck(queue):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.kill(ours, number)
        until = time.monotonic() + PATIENCE
        while master.pid(queue) and time.monotonic() < until:
            time.sleep(0.05)
