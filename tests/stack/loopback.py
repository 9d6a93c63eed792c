"""Loopback networks 127.77.N.0/24 and ports of 127.0.0.1, each for one test stack: so they do not meet."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
from pathlib import Path

#: Lock files, one a network; the lock goes with the process that holds it, however it ends.
LOCKS = Path("/tmp/mtatui-stack-locks")


class Loopback:
    """One network of loopback addresses that nobody else uses until `release`."""

    def __init__(self) -> None:
        LOCKS.mkdir(mode=0o1777, exist_ok=True)
        for self.number in range(1, 255):
            self._lock = os.open(LOCKS / str(self.number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_free(self.address(1), 25):
                    return
            except BlockingIOError:
                pass
            os.close(self._lock)
        raise RuntimeError(f"all 254 loopback networks 127.77.N.0/24 are in use (locks in {LOCKS})")

    def address(self, host: int) -> str:
        """The address of a host (1-254) on this network."""
        return f"127.77.{self.number}.{host}"

    def release(self) -> None:
        """Give the network back."""
        os.close(self._lock)


class Port:
    """A port of 127.0.0.1 that nobody else uses until `release`, whether somebody listens there or not.

    It is none of those that the kernel gives to whoever asks for any (ip_local_port_range): between two lives
    of a listener it would give one to somebody else.
    """

    def __init__(self) -> None:
        LOCKS.mkdir(mode=0o1777, exist_ok=True)
        while True:
            self.number = random.randrange(20000, 30000)
            self._lock = os.open(LOCKS / f"port-{self.number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_free("127.0.0.1", self.number):
                    return
            os.close(self._lock)

    def release(self) -> None:
        """Give it back."""
        os.close(self._lock)


def _is_free(address: str, port: int) -> bool:
    """Whether nobody who knows nothing of our locks listens there."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
