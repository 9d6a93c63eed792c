"""Loopback networks 127.77.N.0/24, each for one test stack: parallel runs on one machine do not meet."""

from __future__ import annotations

import contextlib
import fcntl
import os
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
                if self._is_free():
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

    def _is_free(self) -> bool:
        """Whether nobody who knows nothing of our locks listens there."""
        with contextlib.closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address(1), 25))
            except OSError:
                return False
        return True
