"""Our side of `mtatui.backends.postfix.scheduling`: what it is given, and what it tells of each message."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path

from mtatui.backends.host import Completed, Host, HostError, Missing, NotPermitted, Unreachable
from mtatui.backends.postfix.scheduling import NOT_THERE

PROGRAM = Path(__file__).with_name("scheduling.py")
#: How many it has that it has not told of, so that it has enough to do while an answer comes a long way: what
#: stopping still lets through.
AHEAD = 200
#: Seconds for all of them.
LONG = 4 * 3600.0


class Schedule:
    """Messages that Postfix is to try now."""

    def __init__(
        self,
        host: Host,
        command: Sequence[str],
        explain: Callable[[Completed, str], HostError],
        tell: Callable[[str, str], None],
    ) -> None:
        """Nothing is started yet.

        Args:
            command: what is run for each, with its queue ID as the last word.
            explain: the words for one that failed, on this host.
            tell: told of each message, with "" or what went wrong.
        """
        self._host = host
        self._command = tuple(command)
        self._explain = explain
        self._tell = tell
        self._open: dict[str, None] = {}
        self._heard = asyncio.Event()
        self._error: HostError | None = None

    async def run(self, ids: Iterable[str]) -> None:
        """Have them tried.

        Raises:
            HostError: it failed for a reason that holds for all the others too, or was broken off.
        """
        argv = ["env", sys.executable, "-I", "-S", str(PROGRAM), *self._command]  # as the user: not by sudo
        note = "queue IDs on standard input"
        done = await self._host.run(
            argv, changes=True, input=self._lines(iter(ids)), on_stderr=self._hear, timeout=LONG, note=note
        )
        if self._error is not None:
            raise self._error
        if done.returncode == NOT_THERE:
            raise Missing(f"There is no {self._command[0]} on {self._host.name}.")
        if done.returncode != 0 or self._open:
            raise self._explain(done, self._host.name)

    async def _lines(self, ids: Iterable[str]) -> AsyncGenerator[bytes, None]:
        while self._error is None:
            if len(self._open) >= AHEAD:
                self._heard.clear()
                await self._heard.wait()
                continue
            some = list(islice(ids, AHEAD - len(self._open)))
            if not some:
                return
            self._open.update(dict.fromkeys(some))
            yield "".join(f"{id}\n" for id in some).encode()

    def _hear(self, line: bytes) -> None:
        """One line that it prints; others are the complaints of one that dies."""
        try:
            id, status, words = json.loads(line)
            del self._open[id]
        except (ValueError, TypeError, KeyError):
            return
        error = None
        if status != 0:
            error = self._explain(Completed(self._command, status, b"", words.encode(), 0.0), self._host.name)
        if isinstance(error, Unreachable | NotPermitted | Missing):
            self._error = error
        else:
            self._tell(id, "" if error is None else str(error))
        self._heard.set()
