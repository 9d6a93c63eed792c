"""A server without Python: each command by an ssh of its own, over one connection that ssh itself keeps.

That is enough to look at the queue with ``postqueue -j``. What needs a program of ours there (the spool, the
verbs, settings) is refused, in words.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from mtatui.backends.host import CommandLog, Completed, HostError, Missing, TimedOut, Unreachable
from mtatui.backends.host_local import PATH, LocalChild
from mtatui.backends.host_ssh_words import Why, why

#: Seconds after the last command that ssh keeps its connection, if it is not told to end it.
_PERSIST = 600


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
        self._socket = f"{self._directory}/master"
        self._ssh = [*ssh, "-o", f"ControlPath={self._socket}"]
        self._destination = destination
        self._found: dict[str, bool] = {}

    @property
    def open(self) -> bool:
        """Whether ssh keeps a connection."""
        return os.path.exists(self._socket)

    def connect(
        self, environment: Mapping[str, str], patience: float, asked: Callable[[], bool]
    ) -> Why | None:
        """Have ssh open its connection and keep it; why it could not.

        Args:
            environment: how ssh asks, if it may.
            patience: seconds, which begin anew as long as somebody is ``asked``.
        """
        master = ["-o", "ControlMaster=yes", "-o", f"ControlPersist={_PERSIST}", "-f", "-N"]
        argv = [*self._ssh, *master, "--", self._destination]
        entry = self._log.begin(argv, "the connection")
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=environment,
                start_new_session=True,
            )
            until = time.monotonic() + patience
            while entry.returncode is None:
                if asked():
                    until = time.monotonic() + patience
                try:
                    entry.returncode = process.wait(0.5)
                except subprocess.TimeoutExpired:
                    if time.monotonic() > until:
                        process.kill()
                        process.wait()
                        return Why("it does not answer.")
            said.seek(0)
            return why(said.read(65536), b"", "ssh failed", 255) if entry.returncode else None

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if self.open:
                _quietly([*self._ssh, "-O", "exit", "--", self._destination], 2)
        shutil.rmtree(self._directory, ignore_errors=True)

    def argv(self, argv: Sequence[str]) -> list[str]:
        """What is started here for a command there. ssh hands it to a shell: each word is quoted for one.

        Raises:
            Missing: it is a program of ours, which needs Python.
        """
        if sys.executable in argv:
            raise Missing(f"That needs a program of ours on the server, and {self.limits}.")
        remote = shlex.join(["env", "-i", "LC_ALL=C", f"PATH={PATH}", "HOME=/", *argv])
        return [*self._ssh, "-o", "ControlMaster=no", "-o", "BatchMode=yes", "--", self._destination, remote]

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
        import asyncio

        from mtatui.backends.host_command import Command

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
        if status == 255 and ended:  # ssh's own, unless it is we who ended it; no command of Postfix ends so
            raise await asyncio.to_thread(self._broke, argv, bytes(command.err.data))
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

    def _broke(self, argv: Sequence[str], said: bytes) -> HostError:
        """Why ssh ended so. It does without a word where its connection has broken, and where the command
        over there was killed (mux.c, mux_client_request_session)."""
        if said.strip():
            return Unreachable(f"{self._name} cannot be reached: {why(said, b'', 'ssh failed', 255).words}")
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if self.open and _quietly([*self._ssh, "-O", "check", "--", self._destination], 2) == 0:
                return HostError(f"{argv[0]} was killed on {self._name}: by whom, only that server knows.")
        with contextlib.suppress(OSError):
            os.unlink(self._socket)  # nobody listens there: who needs a connection opens it again
        return Unreachable(f"The connection to {self._name} was cut while {argv[0]} ran there.")

    def child(self, argv: Sequence[str], *, changes: bool) -> LocalChild:
        """Start a long-lived child; see `mtatui.backends.host.Host.child`."""
        self._log.begin(argv, "stays")
        pipe = subprocess.PIPE
        return LocalChild(self.argv(argv), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)

    def can(self, command: str) -> bool:
        """Whether the command is to be found there."""
        if command not in self._found:
            try:
                status = _quietly(self.argv(["sh", "-c", f"command -v {shlex.quote(command)}"]), 30)
            except (OSError, subprocess.TimeoutExpired):
                return False
            self._found[command] = status == 0
        return self._found[command]

    async def peek(self, request: dict[str, Any]) -> dict[str, Any]:
        """Files are not looked at without Python: what they are cannot be told well enough to change them.

        Raises:
            HostError: always.
        """
        raise HostError(f"Files cannot be looked at. There {self.limits[6:]}.")


def _quietly(argv: list[str], timeout: float) -> int:
    """The exit status of a command that is neither told anything nor heard."""
    nowhere = subprocess.DEVNULL
    return subprocess.run(
        argv, stdin=nowhere, stdout=nowhere, stderr=nowhere, timeout=timeout, check=False
    ).returncode
