"""Has one queued message judged where it lies: by clamd, and by SpamAssassin. Changes nothing.

It runs on the server, as root where it can, on whatever Python is there: standard library only, Python 3.6.
The message is read by postcat(1) and stays on this machine. What is being done and what came of it are lines
of JSON on standard error, ``["virus", "clamd is scanning"]`` and ``["virus", {…}]``, as they come. When
standard input is closed nobody waits any more, and it ends at once, with what it has started.
"""

import json
import os
import re
import signal
import sys
import threading

from . import commands, score, virus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    Judges = Dict[str, Callable[..., Dict[str, Any]]]

#: Seconds for postcat.
READING = 30.0
_ID = re.compile(r"[A-Za-z0-9]{5,}$")
#: Queue files that postcat does not find by itself.
_ASIDE = re.compile(r"/[^\0\n]*/(?:corrupt|mtatui/trash)/[A-Za-z0-9.]+$")

_saying = threading.Lock()


class Unread(Exception):
    """The message cannot be read: in words."""


def say(part: str, what: "Any") -> None:
    """Tell whoever asked."""
    with _saying:
        sys.stderr.write(json.dumps([part, what]) + "\n")
        sys.stderr.flush()


def read(asked: "Dict[str, Any]") -> bytes:
    """The message whole, as postcat(1) prints it.

    Args:
        asked: its ``name`` (a queue ID, or the path of a queue file that has been set aside), ``config``
            (Postfix's configuration directory, or ""), and ``most``, the bytes that it may have.
    """
    name = asked["name"]
    by = ["-q"] if _ID.match(name) else []
    if not by and not _ASIDE.match(name):
        raise Unread("that is not the name of a message")
    argv = ["postcat"] + (["-c", asked["config"]] if asked["config"] else []) + by + ["-bh", "--", name]
    try:
        ended = commands.run(argv, READING, asked["most"])
    except OSError as error:
        raise Unread("postcat could not be started: %s" % error.strerror) from None
    if ended.cut:
        raise Unread("too large")
    if ended.late or ended.code != 0:
        raise Unread(ended.errors or "postcat did not end within %g s" % READING)
    return ended.out


def judge(asked: "Dict[str, Any]") -> None:
    """Answer a request: ``message`` as `read` wants it; ``virus`` and ``spam`` as `virus.scan` and
    `score.score` do, each None where nobody is to be asked."""
    try:
        message = read(asked["message"])
    except Unread as error:
        say("unread", str(error))
        return
    judges = {"virus": virus.scan, "spam": score.score}  # type: Judges

    def one(part: str) -> None:
        try:
            say(part, judges[part](message, asked[part], lambda doing: say(part, doing)))
        except Exception as error:  # the other one shall be heard all the same
            say(part, {"trouble": "%s: %s" % (type(error).__name__, error)})

    threads = [threading.Thread(target=one, args=(part,)) for part in sorted(judges) if asked[part]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _end_when_left() -> None:
    while sys.stdin.buffer.readline():
        pass
    os.killpg(0, signal.SIGTERM)  # us, too


def main() -> None:
    """Answer the request that is the first line of standard input."""
    asked = json.loads(sys.stdin.buffer.readline().decode("utf-8"))
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # what we start ends with us, and nobody else
    threading.Thread(target=_end_when_left, daemon=True).start()
    judge(asked)
    os._exit(0)  # not waiting for who may still say something
