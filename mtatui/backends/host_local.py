"""The host that mtatui itself runs on: commands are started here, as the user who started mtatui.

Children get a session of their own, so that a hangup of the admin's terminal cannot cut a ``postsuper`` in
half, and a small clean environment, so that nothing of the admin's shell changes what they do or print. Hosts
that stand close by (sudo, demo) override `LocalHost.command`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from mtatui.backends.host import (
    CommandLog,
    Completed,
    File,
    HostError,
    ReadOnly,
    TimedOut,
)

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LocalChild(subprocess.Popen[bytes]):
    """A child in a session of its own: a signal is for it and for what it has started."""

    def send_signal(self, sig: int) -> None:
        """Send it, unless it has ended."""
        if self.poll() is None:
            os.killpg(self.pid, sig)


class LocalHost:
    """A `Host` whose commands run on this machine."""

    superuser: bool
    limits = ""

    def __init__(self, name: str = "localhost", *, read_only: bool = False) -> None:
        self.name = name
        self.read_only = read_only
        self.superuser = os.geteuid() == 0
        self.log = CommandLog()

    def command(self, argv: Sequence[str]) -> list[str]:
        """What is really started for a command: the place where sudo and the demo put their hand in."""
        return list(argv)

    def environment(self) -> dict[str, str]:
        """The whole environment that commands get."""
        return {"LC_ALL": "C", "PATH": PATH, "HOME": "/"}

    def can(self, command: str) -> bool:
        """Whether the command is to be found on this host."""
        return shutil.which(command, path=PATH) is not None

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
        """Run a command to its end; see `Host.run`."""
        # Not at the top: asyncio takes as long to be imported as the queue reader to begin.
        from mtatui.backends.host_command import Command

        self._may(argv, changes)
        entry = self.log.begin(argv, note)
        started = time.monotonic()
        try:
            command = await Command.start(
                self.command(argv), self.environment(), input, limit=limit, on_stderr=on_stderr
            )
        except OSError as error:
            raise self._not_started(argv, error) from error
        try:
            ended = await command.converse(timeout)
        except TimeoutError as error:
            raise TimedOut(
                f"{argv[0]} did not end within {timeout:g} seconds and was stopped. "
                f"Is {self.name} very busy, or its disk?"
            ) from error
        finally:
            entry.duration = time.monotonic() - started
            entry.returncode = command.returncode
        return Completed(
            tuple(argv),
            command.returncode or 0,
            bytes(command.out.data),
            bytes(command.err.data),
            entry.duration,
            cut=not ended,
        )

    def child(self, argv: Sequence[str], *, changes: bool = False) -> LocalChild:
        """Start a long-lived child; see `Host.child`."""
        self._may(argv, changes)
        self.log.begin(argv, "stays")
        try:
            return LocalChild(
                self.command(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise self._not_started(argv, error) from error

    async def files(self, paths: Iterable[str], *, contents: bool = True) -> dict[str, File | HostError]:
        """Look at files; see `Host.files`."""
        from mtatui.backends import peek  # the queue does without

        return {path: self._file(path, peek.look(path, contents)) for path in paths}

    async def names(self, directory: str) -> tuple[str, ...]:
        """What is in a directory; see `Host.names`."""
        from mtatui.backends import peek

        return self._names(directory, peek.names(directory))

    def _names(self, directory: str, found: Mapping[str, Any]) -> tuple[str, ...]:
        from mtatui.backends.host_files import names

        return names(self.name, directory, found)

    def _file(self, path: str, found: Mapping[str, Any]) -> File | HostError:
        from mtatui.backends.host_files import file

        return file(self.name, path, found)

    def refusal(self, argv: Sequence[str]) -> str:
        """What to tell the person whom sudo refused a command; see `Host.refusal`."""
        from mtatui.backends.host_sudo import refusal  # which few need

        return refusal(argv)

    def _may(self, argv: Sequence[str], changes: bool) -> None:
        if changes and self.read_only:
            raise ReadOnly(f"{self.name} is open read-only: {argv[0]} would change it, so it was not run.")

    def _not_started(self, argv: Sequence[str], error: OSError) -> HostError:
        from mtatui.backends.host_files import not_started

        return not_started(self.name, argv, error.errno or 0)
