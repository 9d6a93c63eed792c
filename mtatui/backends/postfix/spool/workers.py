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
    from typing import Callable, List, Optional, Set

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
        RuntimeError: see `Reading`.
    """
    return Reading(reader, paths, write).stamps()


class Reading:
    """Files that are being read, from now on; meanwhile nobody else may write.

    Raises (all that looks how far it is):
        RuntimeError: a worker died; lines may be missing, and nobody knows which.
    """

    def __init__(self, reader: "Reader", paths: "List[str]", write: "Callable[[bytes], None]") -> None:
        self._running: "Set[int]" = set()
        self._shared: "Optional[mmap.mmap]" = None
        batches = ["\n".join(paths[start : start + BATCH]) for start in range(0, len(paths), BATCH)]
        if len(paths) <= ALONE:
            self._stamps = array("q")
            for batch in batches:
                some, lines = reader.read(batch.split("\n"))
                write(b"".join(lines))
                self._stamps += some
            return
        self._shared = shared = mmap.mmap(-1, 8 * len(paths))
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

        sys.stderr.flush()
        try:
            for _ in range(WORKERS):
                child = os.fork()
                if not child:
                    _be_a_worker(work)
                self._running.add(child)
        except BaseException:
            self.stop()
            raise
        finally:
            for fd in (todo, turn, turn_end):
                os.close(fd)

    def over(self) -> bool:
        """Whether all is read; does not wait."""
        while self._running and self._reap(os.WNOHANG):
            pass
        return not self._running

    def stamps(self) -> "array[int]":
        """The stamp of each file, once all is read."""
        try:
            while self._running:
                self._reap(0)
        except BaseException:
            self.stop()
            raise
        if self._shared is not None:
            self._stamps = array("q", self._shared[:])
            self.stop()
        return self._stamps

    def stop(self) -> None:
        """Read no more."""
        for child in self._running:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self._running.clear()
        if self._shared is not None:
            self._shared.close()
            self._shared = None

    def _reap(self, how: int) -> bool:
        child, status = os.waitpid(-1, how)
        self._running.discard(child)
        if status:
            raise RuntimeError("a process that read queue files ended with status %d" % status)
        return child != 0


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
