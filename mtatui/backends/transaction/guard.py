"""The guard: a process of its own that takes a change back when nobody else does.

It is there before anything is touched, has a session of its own, and shares nothing with whoever applies the
change but one socket: its end tells the guard that the other is gone, and the other way round. It takes back
what was left unfinished; it ends whoever does not come to an end; and of a change that waits to be confirmed
it takes care until that has happened, or the time is over.
"""

import contextlib
import fcntl
import os
import select
import signal
import socket
import time

from . import daemons
from . import room as rooms
from .back import roll_back
from .tell import Teller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

#: Seconds between two looks at an entry that waits to be confirmed.
TICK = 0.5
#: Seconds until a guard that was started must have said that it is there.
BIRTH = 10.0
#: Seconds that the way back may take: what died is started again only after a minute, and there are several
#: attempts.
WAY_BACK = 400.0


class Guard:
    """The guard of an entry, seen from the one that applies it."""

    def __init__(self, entry: "rooms.Entry", limit: float, close: "List[int]") -> None:
        """Start it.

        Args:
            limit: seconds after which whoever has started it is ended, if still at work.
            close: file descriptors that it must not have: the lock's.

        Raises:
            OSError: it could not be started.
        """
        ours, its = socket.socketpair()
        mine = os.getpid()
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                if os.fork() == 0:
                    for fd in [0, 1, 2, ours.fileno(), *close]:
                        if fd > 2:
                            os.close(fd)
                    null = os.open(os.devnull, os.O_RDWR)
                    for fd in (0, 1, 2):
                        os.dup2(null, fd)
                    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                        signal.signal(number, _deaf)
                    watch(entry, its, mine, limit)
            finally:
                os._exit(0)
        its.close()
        os.waitpid(child, 0)
        self._socket = ours
        if not select.select([ours], [], [], BIRTH)[0] or not ours.recv(1):
            raise OSError(0, "the guard did not start")

    @property
    def there(self) -> bool:
        """Whether it still watches."""
        return not select.select([self._socket], [], [], 0)[0]

    def goes_back(self) -> None:
        """Tell it that the change is being taken back here: it acts only if we do not come to an end."""
        with contextlib.suppress(OSError):
            self._socket.send(b"!")

    def dismiss(self) -> None:
        """Let it look at the entry, now that it has ended, or waits."""
        self._socket.close()


def watch(entry: "rooms.Entry", other: "Optional[socket.socket]", pid: int, limit: float) -> None:
    """What the guard does, until it is not needed any more."""
    mark = os.open(entry.file("guard"), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    fcntl.flock(mark, fcntl.LOCK_EX)  # it ends with us: see `watched`
    if other is not None:
        other.send(b"!")
        heard = select.select([other], [], [], limit)[0]
        if heard and other.recv(1):  # it is on its way back, which may take longer
            limit = WAY_BACK + daemons.longest_back(entry.document.get("care", []))
            heard = select.select([other], [], [], limit)[0]
        if not heard:
            os.kill(pid, signal.SIGKILL)  # it is alive, since its end of the socket is open
    lock = rooms.Lock(entry.room)
    while True:
        state = entry.state()
        if "outcome" in state:
            return
        left = state.get("until", 0) - time.time() if state["phase"] == rooms.AWAITING else 0
        if left > 0:
            time.sleep(min(left, TICK))
        elif lock.take("the guard of %s" % entry.id):
            time.sleep(0.1)
        else:
            late = entry.state()
            if "outcome" not in late:
                waited = late["phase"] == rooms.AWAITING
                why = LATE if waited else GONE
                roll_back(entry, Teller(-1), why, interrupted=not waited, start=not waited)
            lock.leave()
            return


def watched(entry: "rooms.Entry") -> bool:
    """Whether a guard takes care of the entry."""
    try:
        fd = os.open(entry.file("guard"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _deaf(number: int, frame: object) -> None:
    """Ignore a signal, without having our commands ignore it, too."""


LATE = "It was not confirmed in time."
GONE = "Whoever applied it came to a sudden end."
