"""Where the index hears about the queue: the spool reader where the spool can be read, else ``postqueue -j``.

Both feeds block and belong to one thread; only `close` may come from another. A server may be hostile, its
shell noisy, its disk dead: whatever comes that is not of the language, or does not come, is a `HostError`.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any

from mtatui.backends.host import Completed, Host, HostError, TimedOut
from mtatui.backends.postfix import spool
from mtatui.backends.postfix.tools import Tools, explain
from mtatui.queue.delta import Counts, Delta, Done, Gone, Moved, Problem, Rows, parse
from mtatui.queue.message import Row, State
from mtatui.text import clean

#: Seconds without a byte before we believe that nothing will come (a cold disk is slow, but not silent).
PATIENCE = 180.0
#: The longest line we take. The reader bounds its own far below; a hostile one must not fill our memory.
LINE_LIMIT = 128 * 1024 * 1024
_ERRORS_LIMIT = 4096
_READ = 1024 * 1024
_BATCH = 256
_GRACE = 2.0
#: Seconds after which a reader looks whether it is still wanted.
_BEAT = 1.0


class SpoolFeed:
    """The spool, read by a child process that stays and remembers what it has told.

    After a `HostError`, or when a scan was not read to its end, the child is gone: the next scan starts a new
    one, which tells everything again (and cannot tell what has gone meanwhile).
    """

    limits = ""

    def __init__(self, host: Host, queue_directory: str, hash_names: str, hash_depth: int) -> None:
        """Read a queue directory; the other two are ``hash_queue_names`` and ``hash_queue_depth``."""
        program = os.path.join(os.path.dirname(os.path.abspath(spool.__file__)), "__main__.py")
        self._host = host
        self._argv = [sys.executable, "-I", "-S", program, queue_directory, hash_names, str(hash_depth)]
        self._child: _Child | None = None

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        """One look at the queue: what is new since the last one, the last delta being `Done`.

        Raises:
            HostError: the reader could not be started, died, fell silent, or spoke another language.
        """
        child = self._child = self._child or _Child(self._host, self._argv)
        complete = False
        try:
            child.ask(b'["scan","thorough"]\n' if thorough else b'["scan"]\n')
            with contextlib.closing(child.lines()) as lines:
                for line in lines:
                    delta = self._parse(line)
                    if isinstance(delta, Done):
                        complete = True
                        if warning := child.errors():
                            yield Problem("", warning)
                        yield delta
                        return
                    yield delta
            raise self._died(child)
        finally:
            if not complete:
                self.close()

    def close(self) -> None:
        """End the child. A scan that is under way ends with a `HostError`."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _parse(self, line: bytes) -> Delta:
        try:
            delta = parse(line)
            match delta:
                case (
                    Rows(list()) | Moved(_, list()) | Gone(list()) | Problem(str(), str()) | Counts() | Done()
                ):
                    return delta
        except (AttributeError, RecursionError, ValueError):
            pass
        raise HostError(
            f"The spool reader on {self._host.name} said something else than expected: "
            f"{clean(line[:80].decode('utf-8', 'replace'))!r}. Does its login or sudo print a message?"
        )

    def _died(self, child: _Child) -> HostError:
        completed = child.completed()
        if said := completed.errors:
            return HostError(f"The spool on {self._host.name} cannot be read: {said}")
        return HostError(
            f"The spool reader on {self._host.name} ended unexpectedly (exit code {completed.returncode})."
        )


#: What postqueue does not say.
_LESS = "retry times, origins, logins, corrupt messages are not known"


class PostqueueFeed:
    """What ``postqueue -j`` lists, again and again; only what has changed is told."""

    limits = f"without root: {_LESS}"

    def __init__(self, host: Host, config_directory: str | None = None) -> None:
        """List the queue of the default instance, or of the one configured in a directory."""
        if host.limits:  # root would not help
            self.limits = f"without Python: {_LESS}"
        self._host = host
        self._argv = Tools(host, config_directory).argv("postqueue", "-j")
        self._child: _Child | None = None
        self._known: dict[str, int] = {}
        self._missed: set[str] = set()

    def scan(self, thorough: bool = False) -> Iterator[Delta]:
        """One look at the queue; ``thorough`` makes no difference, it always is.

        The listing is no snapshot: a message that moves meanwhile may be missing from it. So one is said to
        be gone when it was missing twice.

        Raises:
            HostError: postqueue could not be started, refused, fell silent, or spoke another language.
        """
        began = time.time()
        first = not self._known
        seen: dict[str, State] = {}
        counts = dict.fromkeys(State, 0)
        rows: list[Row] = []
        child = self._child = _Child(self._host, self._argv)
        try:
            with contextlib.closing(child.lines()) as lines:
                for line in lines:
                    row = self._row(line)
                    id, state = row[0], State(row[1])
                    if id in seen:
                        counts[seen[id]] -= 1
                    seen[id] = state
                    counts[state] += 1
                    digest = hash(line)
                    if self._known.get(id) != digest:
                        self._known[id] = digest
                        rows.append(row)
                    if len(rows) == _BATCH:
                        if first:
                            yield Counts(dict(counts))
                        yield Rows(rows)
                        rows = []
            completed = child.completed()
        finally:
            self.close()
        if completed.returncode != 0:
            raise explain(completed, self._host.name)
        yield Counts(dict(counts))
        if rows:
            yield Rows(rows)
        missing = self._known.keys() - seen.keys()
        if gone := sorted(missing & self._missed):
            for id in gone:
                del self._known[id]
            yield Gone(gone)
        self._missed = missing.difference(gone)
        if completed.errors:
            yield Problem("", completed.errors)
        yield Done(began, time.time() - began, counts)

    def close(self) -> None:
        """Stop a listing that is under way: its scan ends with a `HostError`."""
        child, self._child = self._child, None
        if child is not None:
            child.close()

    def _row(self, line: bytes) -> Row:
        try:
            return _row(json.loads(line.decode("utf-8", "surrogateescape")))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise HostError(
                f"postqueue on {self._host.name} printed something else than a queue: "
                f"{clean(line[:80].decode('utf-8', 'replace'))}"
            ) from error


def _row(entry: dict[str, Any]) -> Row:
    """The row for one object of ``postqueue -j`` (postqueue(1), JSON OBJECT FORMAT)."""
    sender = entry["sender"]
    recipients = []
    for recipient in entry["recipients"]:
        address = recipient["address"]
        bounced = recipient.get("bounce_reason", "")
        original = recipient.get("orig_address", "")
        recipients.append(
            [
                address,
                bounced or recipient.get("delay_reason", ""),
                "",
                1 if bounced else 0,
                "" if original == address else original,
            ]
        )
    return [
        str(entry["queue_id"]),
        State(entry["queue_name"]).value,
        int(entry["arrival_time"]),
        int(entry["message_size"]),
        0,
        "" if sender == "MAILER-DAEMON" else sender,
        "",
        "",
        "",
        "",
        "",
        recipients,
    ]


class _Child:
    """A child process, its lines, and what it says on standard error."""

    def __init__(self, host: Host, argv: Sequence[str]) -> None:
        self._host = host
        self._argv = tuple(argv)
        self._began = time.monotonic()
        self._errors = b""
        self._rest = b""
        self._closed = self._listening = False
        self._process = host.child(argv)

    def ask(self, request: bytes) -> None:
        """Send a request. A child that is dead already tells why in its errors, so that is no error here."""
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):
            stdin.write(request)
            stdin.flush()

    def lines(self) -> Generator[bytes, None, None]:
        """The lines of its standard output, without their ends, until that ends.

        Raises:
            TimedOut: nothing came for too long.
            HostError: a line is longer than anything sane.
        """
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout is not None
        assert stderr is not None
        heard = time.monotonic()
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(stdout, selectors.EVENT_READ)
                selector.register(stderr, selectors.EVENT_READ)
            except ValueError as error:  # closed before it began
                raise self._unread() from error
            self._listening = True
            try:
                while True:
                    ready = selector.select(_BEAT)
                    if self._closed:
                        raise self._unread()
                    if ready:
                        heard = time.monotonic()
                    elif time.monotonic() - heard > PATIENCE:
                        raise TimedOut(
                            f"{self._host.name} has said nothing about its queue for {PATIENCE:g} seconds. "
                            "Is its disk, or the connection to it, all right?"
                        )
                    for key, _ in ready:
                        data = os.read(key.fd, _READ)
                        if key.fileobj is stderr:
                            self._errors = (self._errors + data)[-_ERRORS_LIMIT:]
                            if not data:
                                selector.unregister(stderr)
                        elif data:
                            yield from self._split(data)
                        else:
                            return
            finally:
                self._listening = False

    def _unread(self) -> HostError:
        return HostError(f"The queue of {self._host.name} is not being read any more.")

    def _split(self, data: bytes) -> Iterator[bytes]:
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = self._rest + whole[0]
            self._rest = rest
        else:
            self._rest += rest
        if len(self._rest) > LINE_LIMIT:
            raise HostError(f"{self._host.name} sent a line without end about its queue; it was cut off.")
        yield from whole

    def errors(self) -> str:
        """What it has said on standard error since this was asked last, fit for a terminal."""
        said, self._errors = self._errors, b""
        return clean(said.decode("utf-8", "replace"), lines=True).strip()

    def completed(self) -> Completed:
        """How it ended, after the last line; a child that closed its output and stays is stopped."""
        stderr = self._process.stderr
        assert stderr is not None
        self._end_input()
        try:
            returncode = self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            returncode = self._process.wait()
        with contextlib.suppress(OSError, ValueError):
            os.set_blocking(stderr.fileno(), False)
            self._errors += stderr.read(_ERRORS_LIMIT) or b""
        return Completed(self._argv, returncode, b"", self._errors, time.monotonic() - self._began)

    def close(self) -> None:
        """End it, and whoever reads its lines. The pipes are left to the thread that reads them."""
        self._closed = True
        self._end_input()
        with contextlib.suppress(OSError):  # under sudo it is not ours to stop: the end of the pipes will do
            self._process.terminate()
        if not self._listening:
            for pipe in (self._process.stdout, self._process.stderr):
                if pipe is not None:
                    pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)

    def _end_input(self) -> None:
        stdin = self._process.stdin
        if stdin is not None:
            with contextlib.suppress(OSError):
                stdin.close()
