"""Has freshclam look for new signatures now, and tells each line that it says as it comes.

It runs on the server, as root, on whatever Python is there: standard library only, Python 3.6. What is told
are lines of JSON on standard error: ``["said", "daily.cvd updated …"]``, and ``["ended", 0]`` with the exit
status of freshclam, null where it was stopped. When standard input is closed nobody waits any more: freshclam
is stopped, which leaves the old signatures where they are. Sources: freshclam(1).
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Child = subprocess.Popen[bytes]

#: Seconds that freshclam has to tidy up when it is asked to end.
GRACE = 1.5
#: Bytes of a line that are told; nothing that freshclam says is longer.
LONGEST = 2000
#: It draws its progress over itself.
_ENDS = re.compile(b"[\r\n]")


def main() -> None:
    """Answer the request that is the first line of standard input: ``config``, freshclam's file; ``log``, the
    one in which it shall write what it does (its daemon keeps its own to itself); ``patience``, seconds."""
    asked = json.loads(_line().decode("utf-8"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        child = start(asked)
    except OSError as error:
        tell("failed", "freshclam could not be started: %s" % error.strerror)
        return
    tell("ended", follow(child, time.monotonic() + asked["patience"]))


def tell(what: str, how: "Any") -> None:
    """Tell whoever asked; who does not listen any more has closed standard input, too."""
    try:
        sys.stderr.write(json.dumps([what, how]) + "\n")
        sys.stderr.flush()
    except OSError:
        pass


def start(asked: "Dict[str, Any]") -> "Child":
    """Start freshclam, as the head of a group of its own: it starts others to try what it has fetched."""
    argv = ["freshclam", "--config-file=" + asked["config"], "--stdout", "--log=" + asked["log"]]
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        bufsize=0,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "LC_ALL": "C"},
    )


def follow(child: "Child", until: float) -> "Optional[int]":
    """Tell what it says to its end, or to ours: its exit status; None where it was stopped."""
    assert child.stdout is not None
    waiting = [child.stdout.fileno(), 0]
    rest = b""
    try:
        while True:
            ready, _, _ = select.select(waiting, [], [], max(0.0, until - time.monotonic()))
            if not ready or (0 in ready and not os.read(0, 4096)):
                return None
            if waiting[0] in ready:
                data = os.read(waiting[0], 65536)
                lines = _ENDS.split(rest + data)
                rest = lines.pop()[:LONGEST] if data else b""
                for line in lines:
                    if line.strip():
                        tell("said", line[:LONGEST].decode("utf-8", "replace").strip())
                if not data:
                    return child.wait()
    finally:
        stop(child)


def stop(child: "Child") -> None:
    """See to it that it has ended, and those whom it has started."""
    if child.poll() is not None:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _line() -> bytes:
    """The first line of standard input, and nothing beyond it: what comes then is looked at unbuffered."""
    line = b""
    while not line.endswith(b"\n"):
        more = os.read(0, 1)
        if not more:
            break
        line += more
    return line
