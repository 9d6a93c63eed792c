"""The host that mtatui itself runs on: commands are started here, as the user who started mtatui.

Children get a session of their own, so that a hangup of the admin's terminal cannot cut a ``postsuper`` in
half, and a small clean environment, so that nothing of the admin's shell changes what they do or print. Hosts
that stand close by (sudo, demo) override `LocalHost.command`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

from mtatui.backends.host import CommandLog, Completed, HostError, Missing, NotPermitted, ReadOnly, TimedOut

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Seconds between asking a command to end and ending it.
GRACE = 2.0
_CHUNK = 65536


class LocalHost:
    """A `Host` whose commands run on this machine."""

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
        self._may(argv, changes)
        entry = self.log.begin(argv, note)
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: SubprocessStreamProtocol(_CHUNK, loop),
                *self.command(argv),
                stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self.environment(),
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise self._not_started(argv, error) from error
        process = asyncio.subprocess.Process(transport, protocol, loop)
        out, err = _Kept(limit), _Kept(limit, on_stderr)
        try:
            async with asyncio.timeout(timeout):
                ended = await _converse(process, input, out, err)
        except TimeoutError as error:
            raise TimedOut(
                f"{argv[0]} did not end within {timeout:g} seconds and was stopped. "
                f"Is {self.name} very busy, or its disk?"
            ) from error
        finally:
            await _stop(process, transport)
            entry.duration = time.monotonic() - started
            entry.returncode = process.returncode
        return Completed(
            tuple(argv),
            process.returncode or 0,
            bytes(out.data),
            bytes(err.data),
            entry.duration,
            cut=not ended,
        )

    def child(self, argv: Sequence[str], *, changes: bool = False) -> subprocess.Popen[bytes]:
        """Start a long-lived child; see `Host.child`."""
        self._may(argv, changes)
        self.log.begin(argv, "stays")
        try:
            return subprocess.Popen(
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

    def _may(self, argv: Sequence[str], changes: bool) -> None:
        if changes and self.read_only:
            raise ReadOnly(f"{self.name} is open read-only: {argv[0]} would change it, so it was not run.")

    def _not_started(self, argv: Sequence[str], error: OSError) -> HostError:
        if isinstance(error, FileNotFoundError):
            return Missing(f"There is no {argv[0]} on {self.name}. Is Postfix installed there?")
        if isinstance(error, PermissionError):
            return NotPermitted(f"{argv[0]} may not be run by this user on {self.name}.")
        return HostError(f"{argv[0]} could not be started on {self.name}: {error.strerror}.")


class _Kept:
    """One channel of output: what is kept of it, and who hears its lines."""

    def __init__(self, limit: int, on_line: Callable[[bytes], None] | None = None) -> None:
        self.data = bytearray()
        self._limit = limit
        self._on_line = on_line
        self._heard = 0

    async def drain(self, stream: asyncio.StreamReader) -> bool:
        """Read to the end (True), or until there is more than may be kept (False)."""
        while chunk := await stream.read(_CHUNK):
            self.data += chunk
            if self._on_line is not None:
                self._tell()
            if len(self.data) > self._limit:
                del self.data[self._limit :]
                return False
        if self._on_line is not None and self._heard < len(self.data):
            self._on_line(bytes(self.data[self._heard :]))
        return True

    def _tell(self) -> None:
        assert self._on_line is not None
        end = self.data.rfind(b"\n") + 1
        for line in self.data[self._heard : end].split(b"\n")[:-1]:
            self._on_line(bytes(line))
        self._heard = max(end, self._heard)


async def _converse(
    process: asyncio.subprocess.Process, input: bytes | AsyncIterator[bytes] | None, out: _Kept, err: _Kept
) -> bool:
    """Feed the command and listen to it until it ends (True) or says too much (False)."""
    assert process.stdout is not None
    assert process.stderr is not None
    feeding = asyncio.create_task(_feed(process.stdin, input))
    hearing = [
        asyncio.create_task(kept.drain(stream))
        for kept, stream in ((out, process.stdout), (err, process.stderr))
    ]
    try:
        for next_done in asyncio.as_completed(hearing):
            if not await next_done:
                return False
        await process.wait()
        if not feeding.done():
            # It ended without reading all that it would have been given; nothing is left to feed.
            feeding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feeding
        elif not feeding.cancelled():
            feeding.result()
        return True
    finally:
        for task in (feeding, *hearing):
            task.cancel()
        await asyncio.gather(feeding, *hearing, return_exceptions=True)


async def _feed(stdin: asyncio.StreamWriter | None, input: bytes | AsyncIterator[bytes] | None) -> None:
    """Write standard input and close it. That the command reads no further is no error."""
    if stdin is None or input is None:
        return
    try:
        if isinstance(input, bytes):
            stdin.write(input)
            await stdin.drain()
        else:
            async for chunk in input:
                stdin.write(chunk)
                await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass
    finally:
        stdin.close()
        if isinstance(input, AsyncGenerator):
            await input.aclose()


async def _stop(process: asyncio.subprocess.Process, transport: asyncio.SubprocessTransport) -> None:
    """End the command and whatever it started, politely first, and wait for it: nothing is left behind."""
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):  # under sudo it belongs to root
                os.killpg(process.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await process.wait()
    finally:
        with contextlib.suppress(PermissionError):
            transport.close()  # its pipes with it: what cannot be killed ends when it next writes
