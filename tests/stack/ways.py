"""The ways to a server that tests take: on this machine, and through a real sshd.

A module whose tests hold wherever the server is asks for the fixture ``way`` (``pytest.mark.usefixtures``):
it runs twice, and `host` is the host that the way leads to.
"""

from __future__ import annotations

import atexit

from mtatui.backends.host import Host
from mtatui.backends.host_local import LocalHost
from tests.stack.sshd import Sshd

LOCAL, SSH = "local", "ssh"

_now = LOCAL
_sshd: list[Sshd] = []
_opened: list[Host] = []


def take(way: str) -> None:
    """Have `host` lead this way from now on; what was opened before is closed."""
    global _now  # noqa: PLW0603  # which way the tests of this process go
    while _opened:
        close = getattr(_opened.pop(), "close", None)
        if close is not None:
            close()
    _now = way


def host(name: str = "mx1", *, read_only: bool = False) -> Host:
    """A host at the end of the way."""
    if _now == LOCAL:
        return LocalHost(read_only=read_only)
    if not _sshd:
        _sshd.append(Sshd().__enter__())
        atexit.register(_sshd[0].__exit__)
    one = _sshd[0].host(name, read_only=read_only)
    _opened.append(one)
    return one


def ssh() -> bool:
    """Whether the way is through ssh."""
    return _now == SSH
