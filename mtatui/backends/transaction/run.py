"""Runs a command and reads what it says: on a terminal of its own, since ``postfix check`` and its like speak
only to a terminal or to the log (postfix-script uses postlog(1))."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Tuple

ENVIRONMENT = {
    "LC_ALL": "C",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
}
#: Bytes of output that are kept.
LIMIT = 256 * 1024
#: Seconds between asking a command to end and ending it.
GRACE = 2.0
#: Seconds between looks at a command that says nothing.
_TICK = 0.02


def run(
    argv: "List[str]", timeout: float, data: bytes = b"", halt: "Callable[[], bool]" = lambda: False
) -> "Tuple[Optional[int], str]":
    """Run it to its end: its exit status and what it said.

    Args:
        timeout: seconds until it is stopped; its status is None then.
        halt: asked again and again whether it shall be stopped earlier.

    Raises:
        OSError: it cannot be started.
    """
    try:
        ours, its = pty.openpty()
    except OSError:  # a container without terminals: then it may say less
        ours, its = os.pipe()
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if data else subprocess.DEVNULL,
            stdout=its,
            stderr=its,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(its)
    said = bytearray()
    until = time.monotonic() + timeout
    status: "Optional[int]" = None
    try:
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.write(data)
                child.stdin.close()
        while status is None and time.monotonic() < until and not halt():
            _hear(ours, said, _TICK)
            status = child.poll()
        while _hear(ours, said, 0):
            pass
    finally:
        if status is None:
            _stop(child)
        os.close(ours)
    return status, bytes(said).decode("utf-8", "replace").replace("\r", "")


def _hear(fd: int, said: bytearray, wait: float) -> bool:
    if not select.select([fd], [], [], wait)[0]:
        return False
    try:
        data = os.read(fd, 65536)
    except OSError:  # nobody has the other end open any more (EIO)
        data = b""
    if len(said) < LIMIT:
        said += data
    if not data and wait:
        time.sleep(wait)
    return bool(data)


def _stop(child: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
            return
