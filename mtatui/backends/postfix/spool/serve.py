"""The child process: requests on standard input, lines on standard output, until the input ends.

A request is one JSON array a line: ``["scan"]`` or ``["scan", "thorough"]``. The answer is the lines of
`mtatui.queue.delta`, the last of them ``done``.
"""

import contextlib
import fcntl
import gc
import json
import os
import sys

from . import place
from .scan import Spool

_USAGE = "usage: QUEUE_DIRECTORY HASH_QUEUE_NAMES HASH_QUEUE_DEPTH"
#: Linux's F_SETPIPE_SZ (Python names it from 3.10 on): room for the readers to run ahead.
_SET_PIPE_SIZE = 1031
_PIPE_SIZE = 1024 * 1024


def main(arguments: "list[str]") -> int:
    """Serve one spool; the exit status."""
    if len(arguments) != 3 or not arguments[2].isdigit():
        sys.stderr.write(_USAGE + "\n")
        return 2
    try:
        os.chdir(arguments[0])
    except OSError as error:
        sys.stderr.write("queue directory %s: %s\n" % (arguments[0], error.strerror))
        return 1
    gc.disable()  # nothing here makes cycles, and a collection after a fork copies memory
    with contextlib.suppress(OSError):  # no pipe, or not that large a one: it works all the same
        fcntl.fcntl(1, _SET_PIPE_SIZE, _PIPE_SIZE)
    spool = Spool(place.queue_names(arguments[1]), int(arguments[2]), _write)
    try:
        for request in iter(sys.stdin.readline, ""):
            what, *how = json.loads(request)
            if what != "scan" or how not in ([], ["thorough"]):
                sys.stderr.write("not a request: %r\n" % request[:80])
                return 2
            spool.scan(thorough=bool(how))
    except BrokenPipeError:
        return 1
    except RuntimeError as error:
        sys.stderr.write("%s\n" % error)
        return 1
    return 0


def _write(data: bytes) -> None:
    """Straight to standard output: whoever shares it after a fork must find nothing buffered."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest) :]
