"""The program that changes settings, which dies at a given moment: a stand-in for its ``__main__.py``. It
rehearses nothing: what Postfix does not bear is to be found out the hard way.

``killed.py BACKENDS MOMENT QUEUE``: a moment is ``WHO WHAT``. WHO is who dies: ``applier``, ``guard``,
``both``, ``its_guard`` (while the applier lives), ``parent`` (whoever has started it); or ``hangup``: the
applier hears a SIGHUP. WHAT is what has just been told (``probe begins``, ``replace done``) or done
(``replaced 1``: so many files, ``restored 1``; ``took 1``: a command of the plan has
run; ``noted 1``: a phase or an outcome was written down).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import Any

BACKENDS, MOMENT, QUEUE = sys.argv[1:]
WHO, _, WHAT = MOMENT.partition(" ")
sys.path.append(os.path.dirname(BACKENDS))

from backends.transaction import back, daemons, files, guard, rehearse, room, serve, tell  # type: ignore[import-not-found]  # noqa: E402  # by path

ME = os.getpid()
counts: dict[str, int] = {}


def happened(what: str) -> None:
    """Die, if this is the moment."""
    if what != WHAT or (WHO == "guard") != (os.getpid() != ME):
        return
    if WHO == "hangup":
        os.kill(ME, signal.SIGHUP)
    elif WHO == "parent":
        os.kill(os.getppid(), signal.SIGKILL)
    else:
        if WHO in ("both", "its_guard"):
            with (
                contextlib.suppress(FileNotFoundError, ProcessLookupError),
                open(f"{QUEUE}/guard.pid") as pid,
            ):
                end(int(pid.read()))
        if WHO != "its_guard":
            os.kill(os.getpid(), signal.SIGKILL)


def end(pid: int) -> None:
    """Kill a process, and see it dead: until then its end of a socket is open."""
    os.kill(pid, signal.SIGKILL)
    while True:
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rpartition(")")[2].split()[0] in "ZX":
                return
        time.sleep(0.001)


def counted(what: str, real: Any) -> Any:
    """A function, and a moment after each time it was called."""

    def call(*arguments: Any, **options: Any) -> Any:
        result = real(*arguments, **options)
        counts[what] = counts.get(what, 0) + 1
        happened(f"{what} {counts[what]}")
        return result

    return call


def step(teller: Any, name: str, state: str, text: str = "", command: str = "") -> None:
    """Tell a step, and that is a moment."""
    told(teller, name, state, text, command)
    happened(f"{name} {state}")


def watch(*arguments: Any) -> None:
    """Watch, and have it known who does."""
    with open(f"{QUEUE}/guard.pid", "w") as file:
        file.write(str(os.getpid()))
    watched(*arguments)


rehearse.rehearse = lambda *_: ""
told, tell.Teller.step = tell.Teller.step, step
watched, guard.watch = guard.watch, watch
files.replace = counted("replaced", files.replace)
files.prepare = counted("prepared", files.prepare)
files.restore = counted("restored", files.restore)
daemons.revive.command = counted("took", daemons.revive.command)
room.Entry.note = counted("noted", room.Entry.note)
assert back.files is files
sys.exit(serve.main([QUEUE]))
