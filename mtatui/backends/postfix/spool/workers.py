"""Reads many files from several processes side by side.

More of them than there are cores: on a cold disk nearly all the time is waiting, and waits overlap. They are
forked, take batches from one pipe, write whole lines to one output, one at a time, and leave the stamps in
shared memory. A batch is one string: looking at many would copy the memory page of each.
"""

import mmap
import os
import signal
import struct
import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    from .files import Reader

WORKERS = 8
BATCH = 256
#: Up to this many files, forking costs more than it brings.
ALONE = 1000

#: They are many and busy: whoever waits for a key, and Postfix itself, come first (nice(2)).
_NICE = 5

_NUMBER = struct.Struct("=I")


def read(reader: "Reader", paths: "List[str]", write: "Callable[[bytes], None]") -> "array[int]":
    """Read all these files, writing their lines; the stamp of each (see `Reader.read`).

    Raises:
        RuntimeError: a worker died; lines may be missing, and nobody knows which.
    """
    batches = ["\n".join(paths[start : start + BATCH]) for start in range(0, len(paths), BATCH)]
    if len(paths) <= ALONE:
        stamps = array("q")
        for batch in batches:
            some, lines = reader.read(batch.split("\n"))
            write(b"".join(lines))
            stamps += some
        return stamps
    shared = mmap.mmap(-1, 8 * len(paths))
    todo, todo_end = os.pipe()
    turn, turn_end = os.pipe()
    os.write(todo_end, b"".join(_NUMBER.pack(number) for number in range(len(batches))))
    os.close(todo_end)
    os.write(turn_end, b".")

    def work() -> None:
        while True:
            token = os.read(todo, _NUMBER.size)
            if not token:
                return
            (number,) = _NUMBER.unpack(token)
            stamps, lines = reader.read(batches[number].split("\n"))
            data = b"".join(lines)
            os.read(turn, 1)
            write(data)
            os.write(turn_end, b".")
            start = 8 * BATCH * number
            shared[start : start + 8 * len(stamps)] = stamps.tobytes()

    try:
        _fork_and_wait(work)
        return array("q", shared[:])
    finally:
        for fd in (todo, turn, turn_end):
            os.close(fd)
        shared.close()


def _fork_and_wait(work: "Callable[[], None]") -> None:
    sys.stderr.flush()
    running = set()
    try:
        for _ in range(WORKERS):
            child = os.fork()
            if not child:
                _be_a_worker(work)
            running.add(child)
        while running:
            child, status = os.wait()
            running.discard(child)
            if status:
                raise RuntimeError("a process that read queue files ended with status %d" % status)
    finally:
        for child in running:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _be_a_worker(work: "Callable[[], None]") -> None:
    """Never returns: what is above on the stack belongs to the parent."""
    status = 1
    try:
        os.nice(_NICE)
        work()
        status = 0
    except BrokenPipeError:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
