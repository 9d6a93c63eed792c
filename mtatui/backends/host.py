"""The host: where a server's files and commands are. The only door through which processes start.

A host runs argv lists, never a shell; every call has a time limit, can be cancelled, and is written to the
command log that the person can read. A read-only host refuses whatever changes the server, here and not
only in the keys. Local, sudo, ssh and demo hosts stand beside this file (``host_*.py``).
"""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Protocol

from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.settings.plan import Tag


class HostError(Exception):
    """Something a person must know: what failed, what it means and what to do, in words."""

    exit_code = 4


class ReadOnly(HostError):
    """Refused: this server is open for looking only."""

    exit_code = 3


class NotPermitted(HostError):
    """The server, or its sudo, does not let this user do that."""


class Missing(HostError):
    """The command or file is not there."""


class TimedOut(HostError):
    """The command did not end within its time limit and was stopped."""


class Unreachable(HostError):
    """The server or its daemon does not answer."""


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has run to its end."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes
    duration: float
    cut: bool = False
    """It said more than was to be kept, and was stopped there."""

    @property
    def errors(self) -> str:
        """What it printed to standard error, fit for a terminal."""
        return clean(self.stderr.decode("utf-8", "replace"), lines=True).strip()


@dataclass(frozen=True, slots=True)
class File:
    """A file of the server, as it was when it was looked at."""

    data: bytes
    tag: Tag
    mode: int
    uid: int
    gid: int


@dataclass(slots=True)
class LoggedCommand:
    """One line of the command log. ``returncode`` is None while it runs (and for what never started)."""

    argv: tuple[str, ...]
    at: float = field(default_factory=time.time)
    note: str = ""
    duration: float | None = None
    returncode: int | None = None

    def __str__(self) -> str:
        return shlex.join(self.argv) + (f"   ({self.note})" if self.note else "")


#: The note of a command that is run again and again to see whether all is well.
WATCH = "keeps watch"


class CommandLog:
    """The last commands that ran on a host, oldest first, as a person may read them."""

    def __init__(self, size: int = 500) -> None:
        self.entries: deque[LoggedCommand] = deque(maxlen=size)

    def begin(self, argv: Sequence[str], note: str = "") -> LoggedCommand:
        """Write down a command that is about to start; one that keeps watch takes its last line again."""
        if note == WATCH and self.entries and self.entries[-1].argv == tuple(argv):
            self.entries.pop()
        entry = LoggedCommand(tuple(argv), note=note)
        self.entries.append(entry)
        return entry


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question on the way to a server, as whoever asks it (ssh) words it: for a password or passphrase
    (``secret``), or for a yes or no (``confirm``: a host key that is not known, a touch of a key)."""

    server: str
    text: str
    secret: bool = False
    confirm: bool = False


class Child(Protocol):
    """A long-lived child of a host, with pipes on all three channels; see `subprocess.Popen`."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """What it reads."""
        ...

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it prints."""
        ...

    @property
    def stderr(self) -> IO[bytes] | None:
        """What it complains of."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit status, once somebody has seen that it has ended."""
        ...

    def poll(self) -> int | None:
        """Its exit status, None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""
        ...

    def terminate(self) -> None:
        """Ask it to end, and what it has started; raises OSError where it is not ours to end (sudo)."""
        ...

    def kill(self) -> None:
        """End it, and what it has started; raises OSError where it is not ours to end (sudo)."""
        ...

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Give it all its input, and hear it to its end; raises `subprocess.TimeoutExpired`."""
        ...


class Host(Protocol):
    """Where a server's files and commands are."""

    name: str
    read_only: bool
    log: CommandLog

    @property
    def superuser(self) -> bool:
        """Whether commands run as root there: the spool is read and changed by root only."""
        ...

    @property
    def limits(self) -> str:
        """Why less can be done here than elsewhere, in words; "" where there is nothing to say."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        changes: bool = False,
        input: bytes | AsyncIterator[bytes] | None = None,
        timeout: float = 30.0,
        note: str = "",
        on_stderr: Callable[[bytes], None] | None = None,
        limit: int = 64 * 1024 * 1024,
    ) -> Completed:
        """Run a command to its end.

        Args:
            changes: it changes the server; a read-only host refuses it.
            input: its standard input, whole or as it comes.
            timeout: seconds until it is stopped.
            note: what the command log says beside it (what went in on standard input, say).
            on_stderr: called with each line of standard error as it arrives.
            limit: bytes of output that are kept; a command that prints more is stopped.

        Raises:
            ReadOnly, Missing, NotPermitted, TimedOut, Unreachable: it did not run, or not to its end. A
                command that ran and failed is *not* an error here: read its output.
        """
        ...

    def child(self, argv: Sequence[str], *, changes: bool = False) -> Child:
        """Start a long-lived child with pipes on all three channels, in a session of its own.

        Raises:
            ReadOnly, Missing, NotPermitted: it could not be started.
        """
        ...

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at files: what is in them, and what they are, following symbolic links.

        Args:
            contents: False tells only what they are: no data, no digest.

        Returns:
            For each path the file, or the error that says in words why not: Missing where there is none,
            NotPermitted where this user may not read it.
        """
        ...

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory, in the order of the names.

        Raises:
            Missing: there is no such directory. NotPermitted: this user may not look into it.
        """
        ...

    def can(self, command: str) -> bool:
        """Whether the command is to be found on this host."""
        ...

    def refusal(self, argv: Sequence[str]) -> str:
        """What to tell the person whom sudo refused a command there: the lines that would allow it."""
        ...
