"""A server without Python: each command by an ssh of its own, over one connection that ssh itself keeps.

That is enough to look at the queue with ``postqueue -j``. What needs a program of ours there (the spool, the
verbs, settings) is refused, in words.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from mtatui.backends.host import CommandLog, Completed, HostError, Missing, ReadOnly, TimedOut
from mtatui.backends.host_local import PATH, LocalChild

#: Seconds after the last command that ssh keeps its connection.
_PERSIST = 60


class Plain:
    """What `mtatui.backends.host_ssh.SshHost` does there instead."""

    def __init__(
        self,
        name: str,
        ssh: Sequence[str],
        destination: str,
        log: CommandLog,
        reason: str,
        *,
        read_only: bool,
    ) -> None:
        """Nothing is started yet. ``reason`` says why there is no more."""
        self.limits = f"{reason} on {name}: its queue can be looked at, and nothing be done to it"
        self._name = name
        self._log = log
        self._read_only = read_only
        self._directory = tempfile.mkdtemp(prefix="mtatui-")  # mode 0700
        self._way = [*ssh, "-o", "BatchMode=yes", "-o", f"ControlPath={self._directory}/%C"]
        self._destination = destination
        self._found: dict[str, bool] = {}

    def close(self) -> None:
        """End the connection."""
        subprocess.run(
            [*self._way, "-O", "exit", "--", self._destination],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )
        shutil.rmtree(self._directory, ignore_errors=True)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """What is started here for a command there. ssh hands it to a shell: each word is quoted for one.

        Raises:
            Missing: it is a program of ours, which needs Python.
        """
        if sys.executable in argv:
            raise Missing(f"That needs a program of ours on the server. There is {self.limits[6:]}.")
        remote = shlex.join(["env", "-i", "LC_ALL=C", f"PATH={PATH}", "HOME=/", *argv])
        master = ["-o", "ControlMaster=auto", "-o", f"ControlPersist={_PERSIST}"]
        return [*self._way, *master, "--", self._destination, remote]

    async def run(
        self,
        argv: Sequence[str],
        *,
        changes: bool,
        input: bytes | AsyncIterator[bytes] | None,
        timeout: float,
        note: str,
        on_stderr: Callable[[bytes], None] | None,
        limit: int,
    ) -> Completed:
        """Run a command to its end; see `mtatui.backends.host.Host.run`."""
        import os

        from mtatui.backends.host_command import Command

        if changes and self._read_only:
            raise ReadOnly(f"{self._name} is open read-only.")
        entry = self._log.begin(argv, note)
        started = time.monotonic()
        command = await Command.start(self.argv(argv), os.environ, input, limit=limit, on_stderr=on_stderr)
        try:
            ended = await command.converse(timeout)
        except TimeoutError as error:
            raise TimedOut(f"{argv[0]} did not end within {timeout:g} seconds on {self._name}.") from error
        finally:
            entry.duration = time.monotonic() - started
            entry.returncode = command.returncode
        status = command.returncode or 0
        if status == 127:
            raise Missing(f"There is no {argv[0]} on {self._name}. Is Postfix installed there?")
        return Completed(
            tuple(argv),
            status,
            bytes(command.out.data),
            bytes(command.err.data),
            entry.duration,
            cut=not ended,
        )

    def child(self, argv: Sequence[str], *, changes: bool) -> LocalChild:
        """Start a long-lived child; see `mtatui.backends.host.Host.child`."""
        if changes and self._read_only:
            raise ReadOnly(f"{self._name} is open read-only.")
        self._log.begin(argv, "stays")
        pipe = subprocess.PIPE
        return LocalChild(self.argv(argv), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)

    def can(self, command: str) -> bool:
        """Whether the command is to be found there."""
        if command not in self._found:
            try:
                found = subprocess.run(
                    self.argv(["sh", "-c", f"command -v {shlex.quote(command)}"]),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=30,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired):
                return False
            self._found[command] = found.returncode == 0
        return self._found[command]

    async def peek(self, request: dict[str, Any]) -> dict[str, Any]:
        """Files are not looked at without Python: what they are cannot be told well enough to change them.

        Raises:
            HostError: always.
        """
        raise HostError(f"Files cannot be looked at. There {self.limits[6:]}.")
