"""Knows whether Postfix runs, and which processes are its own."""

import contextlib
import fcntl
import os


def pid(queue: str) -> int:
    """The process id of the master that runs, 0 if none does: as ``master -t`` finds out, by its lock."""
    try:
        fd = os.open(os.path.join(queue, "pid", "master.pid"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(ValueError):
            return int(os.read(fd, 64).split()[0].decode("ascii"))
    except OSError:
        pass
    finally:
        os.close(fd)
    return 0


def child(pid: bytes, master: int) -> bool:
    """Whether a process is a child of the master: one that logs a fatal error lives on for a second."""
    try:
        with open(b"/proc/%s/stat" % pid, "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1]) == master
    except (OSError, ValueError, IndexError):
        return False
