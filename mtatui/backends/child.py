"""The parent's side of the hands: one long-lived child per server, asked and answering line by line.

It blocks, so that it can be used from any thread (see `to_its_end`); one request at a time. The program is
`mtatui.backends.postfix.spool.asked`, running where the queue is, as root.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from mtatui.backends.host import Child, Host, HostError, NotPermitted, ReadOnly, TimedOut, Unreachable
from mtatui.backends.host_sudo import refused
from mtatui.queue.message import Identity, Message, State
from mtatui.text import clean

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

PROGRAM = Path(__file__).parent / "postfix" / "spool" / "__main__.py"
#: Seconds for an answer. A batch is a few hundred messages; a disk that hangs is told as such.
PATIENCE = 60.0
#: Seconds for what goes over the whole trash.
LONG = 1800.0


async def to_its_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run something that blocks in a thread. Cancelled or not, it has ended when this returns: whoever cleans
    up after it knows that nothing more is coming."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        raise


async def one_ahead(function: Callable[[S], T], items: Iterable[S]) -> AsyncGenerator[tuple[S, T], None]:
    """Each item with what a function that blocks makes of it, in order; while one is looked at, the function
    is already at work on the next, and on no more. Close it: then nothing is at work any more."""
    ahead: tuple[S, asyncio.Future[T]] | None = None
    try:
        for item in items:
            begun = (item, asyncio.ensure_future(to_its_end(function, item)))
            now, ahead = ahead, begun
            if now is not None:
                yield now[0], await now[1]
        if ahead is not None:
            yield ahead[0], await ahead[1]
    finally:
        if ahead is not None:
            await asyncio.gather(ahead[1], return_exceptions=True)


def ready(reading: Sequence[int], writing: Sequence[int], timeout: float) -> tuple[list[int], list[int]]:
    """Those of the descriptors that can be read, and those that can be written. Not select(2), which knows
    only 1,024: who looks after many servers has more."""
    poll = select.poll()
    for fd in reading:
        poll.register(fd, select.POLLIN)
    for fd in writing:
        poll.register(fd, select.POLLOUT)
    found = {fd for fd, _ in poll.poll(timeout * 1000)}
    return [fd for fd in reading if fd in found], [fd for fd in writing if fd in found]


class Found(NamedTuple):
    """A message as it is now: who, where, and whether Postfix has been asked to return it."""

    identity: Identity
    state: State
    expiring: bool
    owes: bool
    """Refusals are in its bounce log that its sender has not been told of yet."""


_STATES = {state.value: state for state in State}

#: An operation and its arguments.
Request = tuple[Any, ...]
#: What became of one item of a batch: the answer, None for "in no queue", words for "it failed".
Answer = list[Any] | str | None


class Hands:
    """The hands on the queue of one server."""

    def __init__(
        self, host: Host, queue_directory: str, hash_queue_names: str, hash_queue_depth: int | str
    ) -> None:
        """Nothing is started yet. The arguments are main.cf's parameters, expanded (`Tools.parameters`)."""
        self.host = host
        self.argv = [sys.executable, "-I", "-S", str(PROGRAM), "--hands"]
        self.argv += [queue_directory, hash_queue_names, str(hash_queue_depth)]
        if host.read_only:
            self.argv.append("--look")
        self.in_doubt = False
        """The last request was sent, and its answer never came: it may be done, or half done."""
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._number = 0
        self._rest = bytearray()

    # -- about messages --------------------------------------------------------------------------------------

    def identify(self, items: Sequence[tuple[str, State]]) -> list[Found | str | None]:
        """Who these messages are now, and where: None for what is in no queue, words for what failed."""
        return found(items, self.ask("identify", items))

    def keep(self, items: Sequence[tuple[str, State]]) -> list[Found | str | None]:
        """Link messages into the trash: who was linked, None for what is in no queue, words if it failed."""
        return found(items, self.ask("keep", items))

    def each(self, operation: str, ids: Iterable[str]) -> list[Answer]:
        """Do one of the other operations for each ID: drop, destroy, discard, restore, free."""
        items = [[id] for id in ids]
        answers: list[Answer] = self.ask(operation, items) if items else []
        return answers

    # -- about the trash -------------------------------------------------------------------------------------

    def trash(self, limit: int) -> tuple[int, int, list[Message]]:
        """How many messages the trash holds, their bytes, and the last deleted ones (their mtime is that of
        the deletion)."""
        count, size, rows = self.ask("trash", limit, patience=LONG)
        return count, size, [Message.from_row(row) for row in rows]

    # -- asking ----------------------------------------------------------------------------------------------

    def ask(self, operation: str, *arguments: Any, patience: float = PATIENCE) -> Any:
        """Ask and wait for the answer. A child that has died is replaced; what it was doing is not repeated.

        Raises:
            HostError: it was refused, in words; or as `Host.child`.
            Unreachable: it died. TimedOut: it did not answer in time, and has been stopped.
        """
        with self._lock:
            self.in_doubt = False
            child = self._started()
            self._number += 1
            request = (
                json.dumps([self._number, operation, *arguments], separators=(",", ":")).encode() + b"\n"
            )
            self.in_doubt = True
            try:
                answer = json.loads(self._exchange(child, request, time.monotonic() + patience))
                if answer[0] != self._number:
                    raise ValueError(answer[0])
                self.in_doubt = False
            except (OSError, ValueError, LookupError, EOFError, HostError) as error:
                said = self._close()
                if isinstance(error, TimedOut):
                    raise
                if refused(said):
                    raise NotPermitted(self.host.refusal(self.argv)) from error
                words = clean(said.decode("utf-8", "replace").strip().rpartition("\n")[2])
                raise Unreachable(
                    f"The helper on {self.host.name} that moves queue files has died"
                    + (f": {words}" if words else ".")
                ) from error
        if not answer[1]:
            raise self._refused(answer[2])
        return answer[2]

    def in_turn(self, *requests: Request, patience: float = PATIENCE) -> list[Any]:
        """Ask several things at once: over a long line they take no longer than one. The result of each, or
        the HostError that refused it; what would come behind that, or a lock that somebody has, is not done.

        Raises:
            HostError: as `ask`, which may be in the middle of it.
        """
        answers = self.ask("in turn", requests, patience=patience)
        return [result if well else self._refused(result) for well, result in answers]

    def _refused(self, words: object) -> HostError:
        if self.host.read_only:
            return ReadOnly(f"{self.host.name} is open read-only.")
        return HostError(f"{self.host.name}: {clean(str(words))}")

    def close(self) -> None:
        """End the child, if there is one. It may be asked again; that starts a new one."""
        with self._lock:
            self._close()

    def _started(self) -> Child:
        if self._child is not None and self._child.poll() is not None:
            self._close()
        if self._child is None:
            self._child = self.host.child(self.argv, changes=not self.host.read_only)
            assert self._child.stdin is not None
            os.set_blocking(self._child.stdin.fileno(), False)
            self._rest.clear()
        return self._child

    def _exchange(self, child: Child, request: bytes, deadline: float) -> bytes:
        assert child.stdin is not None
        assert child.stdout is not None
        to, fro = child.stdin.fileno(), child.stdout.fileno()
        unsent = memoryview(request)
        while True:
            left = deadline - time.monotonic()
            writing = [to] if unsent else []
            readable, writable = ready([fro], writing, max(0.0, left))
            if not readable and not writable:
                raise TimedOut(
                    f"The helper on {self.host.name} that moves queue files did not answer in time and was "
                    "stopped. Is its disk very busy?"
                )
            if writable:
                unsent = unsent[os.write(to, unsent[:65536]) :]
            if readable:
                data = os.read(fro, 1 << 20)
                if not data:
                    raise EOFError
                self._rest += data
                if data.endswith(b"\n"):
                    answer = bytes(self._rest)
                    self._rest.clear()
                    return answer

    def _close(self) -> bytes:
        """End the child; what it had to say on standard error."""
        child, self._child = self._child, None
        if child is None:
            return b""
        with contextlib.suppress(OSError):
            if child.stdin is not None:
                child.stdin.close()
        try:
            child.wait(2)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(
                OSError
            ):  # under sudo it is root's: it ends when it sees its input closed
                child.kill()
                child.wait(2)
        said = b""
        if child.stderr is not None:
            if ready([child.stderr.fileno()], [], 0)[0]:
                said = os.read(child.stderr.fileno(), 65536)
            child.stderr.close()
        if child.stdout is not None:
            child.stdout.close()
        return said


def found(items: Sequence[tuple[str, State]], answers: list[Answer]) -> list[Found | str | None]:
    """What ``identify`` and ``keep`` answer, as it is meant."""
    there: list[Found | str | None] = []
    for (id, _), answer in zip(items, answers, strict=True):
        if isinstance(answer, list):
            state, arrival, size, sender, expiring, owes = answer
            there.append(
                Found(Identity(id, arrival, size, sender), _STATES[state], bool(expiring), bool(owes))
            )
        else:
            there.append(answer if answer is None else clean(answer))
    return there
