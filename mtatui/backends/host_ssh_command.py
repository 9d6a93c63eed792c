"""A command on a server that is reached over ssh, from its start to its end: fed, heard, stopped in time."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable

from mtatui.backends.host_command import GRACE, Kept, feed, heard_out
from mtatui.backends.link_channel import Channel

_CHUNK = 65536


async def converse(
    channel: Channel,
    input: bytes | AsyncIterator[bytes] | None,
    timeout: float,
    limit: int,
    on_stderr: Callable[[bytes], None] | None,
) -> tuple[bytes, bytes, bool]:
    """Feed a command and listen to it until it ends: what it printed, what it complained of, and whether it
    came to its end (False: it said more than ``limit`` bytes, and was stopped). Then it is gone.

    Raises:
        TimeoutError: it took longer than ``timeout`` seconds.
    """
    out, err = Kept(limit), Kept(limit, on_stderr)
    loop = asyncio.get_running_loop()
    streams: list[asyncio.StreamReader] = []
    transports: list[asyncio.BaseTransport] = []
    for pipe in (channel.stdout, channel.stderr):
        stream = asyncio.StreamReader(_CHUNK)
        transport, _ = await loop.connect_read_pipe(lambda s=stream: asyncio.StreamReaderProtocol(s), pipe)  # type: ignore[misc]  # one a pipe
        streams.append(stream)
        transports.append(transport)
    writing, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, channel.stdin)
    transports.append(writing)
    writer = asyncio.StreamWriter(writing, protocol, None, loop)
    hearing = [
        asyncio.create_task(kept.drain(stream)) for kept, stream in zip((out, err), streams, strict=True)
    ]
    feeding = asyncio.create_task(feed(writer, b"" if input is None else input))
    try:
        async with asyncio.timeout(timeout):
            ended = await heard_out(feeding, hearing, lambda: _ended(channel, timeout))
        return bytes(out.data), bytes(err.data), ended
    finally:
        for one in transports:
            with contextlib.suppress(OSError):
                one.close()
        for stop in (channel.terminate, channel.kill):
            if channel.poll() is None:
                stop()
                await _ended(channel, GRACE)


async def _ended(channel: Channel, timeout: float) -> None:
    """Wait for its end, so many seconds at most."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        await asyncio.to_thread(channel.wait, timeout)
