"""A command of a host from its start to its end: fed, heard, and stopped when its time is over.

Apart from `mtatui.backends.host_local`, which is imported long before the first command is run.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence

#: Seconds between asking a command to end and ending it.
GRACE = 2.0
_CHUNK = 65536


class Command:
    """A command that runs. ``out`` and ``err`` are what is kept of its output."""

    def __init__(
        self,
        process: Process,
        transport: asyncio.SubprocessTransport,
        input: bytes | AsyncIterator[bytes] | None,
        limit: int,
        on_stderr: Callable[[bytes], None] | None,
    ) -> None:
        self.out, self.err = Kept(limit), Kept(limit, on_stderr)
        self._process = process
        self._transport = transport
        self._input = input

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        environment: Mapping[str, str],
        input: bytes | AsyncIterator[bytes] | None,
        *,
        limit: int,
        on_stderr: Callable[[bytes], None] | None,
    ) -> Command:
        """Start a command; for the arguments see `mtatui.backends.host.Host.run`.

        Raises:
            OSError: it could not be started.
        """
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(_CHUNK, loop),
            *argv,
            stdin=subprocess.DEVNULL if input is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
        return cls(Process(transport, protocol, loop), transport, input, limit, on_stderr)

    @property
    def returncode(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.returncode

    async def converse(self, timeout: float) -> bool:
        """Feed the command and listen to it until it ends (True) or says too much (False). Then it is gone,
        and whatever it started.

        Raises:
            TimeoutError: it took longer than ``timeout`` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._converse()
        finally:
            await self._stop()

    async def _converse(self) -> bool:
        process = self._process
        assert process.stdout is not None
        assert process.stderr is not None
        feeding = asyncio.create_task(feed(process.stdin, self._input))
        hearing = [
            asyncio.create_task(kept.drain(stream))
            for kept, stream in ((self.out, process.stdout), (self.err, process.stderr))
        ]
        return await heard_out(feeding, hearing, process.wait)

    async def _stop(self) -> None:
        """End the command, politely first, and wait for it: nothing is left behind."""
        process = self._process
        try:
            for number in (signal.SIGTERM, signal.SIGKILL):
                if process.returncode is not None:
                    return
                with contextlib.suppress(
                    ProcessLookupError, PermissionError
                ):  # under sudo it belongs to root
                    os.killpg(process.pid, number)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GRACE):
                        await process.wait()
        finally:
            with contextlib.suppress(PermissionError):
                # Its pipes with it: what cannot be killed ends when it next writes.
                self._transport.close()


class Kept:
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


async def heard_out(
    feeding: asyncio.Task[None], hearing: Sequence[asyncio.Task[bool]], end: Callable[[], Awaitable[object]]
) -> bool:
    """Feed and hear a command until it ends (True; then ``end`` comes), or until it says too much (False)."""
    try:
        for next_done in asyncio.as_completed(hearing):
            if not await next_done:
                return False
        await end()
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


async def feed(stdin: asyncio.StreamWriter | None, input: bytes | AsyncIterator[bytes] | None) -> None:
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
