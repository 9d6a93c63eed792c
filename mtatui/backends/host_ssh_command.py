"""A command on a server that is reached over ssh, from its start to its end: fed, heard, stopped in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from mtatui.backends.host_command import GRACE, Kept, feed
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
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(feed(writer, b"" if input is None else input)),
        *hearing,
    ]
    ended = False
    try:
        async with asyncio.timeout(timeout):
            ended = await _heard_out(hearing)
            if ended:
                await asyncio.to_thread(channel.wait, GRACE)
        return bytes(out.data), bytes(err.data), ended
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in transports:
            with contextlib.suppress(OSError):
                one.close()
        if channel.poll() is None:
            channel.terminate()
            with contextlib.suppress(Exception):
                await asyncio.to_thread(channel.wait, GRACE)
            if channel.poll() is None:
                channel.kill()


async def _heard_out(hearing: list[asyncio.Task[bool]]) -> bool:
    """Whether all was heard to its end; False as soon as one channel says too much."""
    for task in asyncio.as_completed(hearing):
        if not await task:
            return False
    return True
