"""Doing something to several servers at once, so that none waits for another.

Each has its own share and its own words; what takes too long is left to come to its end by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from mtatui.backends.host import HostError, Missing, NotPermitted, ReadOnly, TimedOut, Unreachable
from mtatui.queue.message import key, split
from mtatui.queue.selection import Outcome, Receipt, Result, Selection, Target

if TYPE_CHECKING:
    from mtatui.server import Server

T = TypeVar("T")

#: What is called with how many are done, of how many, and what is going on.
Progress = Callable[[int, int, str], None]
#: What is called with what one of the servers told, as soon as it did.
Told = Callable[[str, Outcome], None]
#: What is done on one server to its share.
Do = Callable[["Server", Selection, Progress, asyncio.Event], Awaitable[Outcome]]

#: Seconds without a word after which nobody waits any longer for what is done on a server.
PATIENCE = 20.0
#: Seconds that servers have to leave off when everything is called off.
GRACE = 5.0
#: Seconds between two words of progress.
TICK = 0.1
#: Threads for what blocks: some for everybody, some for each server. One that hangs must not use up all.
THREADS, THREADS_EACH = 32, 6


_rooms: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


def make_room(servers: int) -> None:
    """Give the running loop as many threads as so many servers may need at once.

    Its own are a handful: those that wait for servers that hang would leave none for the others.
    """
    loop = asyncio.get_running_loop()
    wanted = THREADS + THREADS_EACH * servers
    if _rooms.get(loop, 0) < wanted:
        loop.set_default_executor(ThreadPoolExecutor(wanted, "mtatui"))
        _rooms[loop] = wanted


async def each(
    servers: Sequence[Server], do: Callable[[Server], Awaitable[T]], patience: float | None
) -> dict[str, T | HostError]:
    """Do something on each, all at once; what came of it or the error, by their names in the index.

    Args:
        patience: seconds after which a server is left alone; None leaves that to what is done.
    """
    tasks = {server: asyncio.ensure_future(do(server)) for server in servers}
    answers: dict[str, T | HostError] = {}
    try:
        if tasks:
            await asyncio.wait(tasks.values(), timeout=patience)
    except asyncio.CancelledError:
        for task in tasks.values():
            task.cancel()
        await asyncio.wait(tasks.values(), timeout=GRACE)
        raise
    for server, task in tasks.items():
        if not task.done():
            task.cancel()
            leave(task)
            answers[server.part_name] = TimedOut(f"{server.name} did not answer within {patience:g} seconds.")
            continue
        try:
            answers[server.part_name] = task.result()
        except HostError as error:
            answers[server.part_name] = error
    return answers


_left: set[asyncio.Future[Any]] = set()


def leave(task: asyncio.Future[Any]) -> None:
    """Let a task come to its end by itself: nobody waits for it, nor complains of how it ends."""

    def ended(task: asyncio.Future[Any]) -> None:
        _left.discard(task)
        if not task.cancelled():
            task.exception()

    _left.add(task)
    task.add_done_callback(ended)


def shares(selection: Selection) -> dict[str, Selection]:
    """A selection, taken apart by server: what each knows is its queue IDs."""
    targets: dict[str, list[Target]] = {}
    for target in selection.targets:
        name, id = split(target.identity.id)
        own = target if not name else replace(target, identity=replace(target.identity, id=id))
        targets.setdefault(name, []).append(own)
    return {name: Selection(tuple(of), selection.chosen_by, selection.at) for name, of in targets.items()}


class _Stop(asyncio.Event):
    """A wish to stop that is heard with another's, or by itself."""

    def __init__(self, outer: asyncio.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        return super().is_set() or self._outer.is_set()


@dataclass(eq=False)
class _Share:
    """What one server has to do."""

    server: Server
    selection: Selection
    stop: _Stop
    done: int = 0
    heard: float = field(default_factory=time.monotonic)
    outcome: Outcome | None = None
    error: HostError | None = None

    @property
    def name(self) -> str:
        return self.server.part_name


class Together:
    """One verb on its way over several servers."""

    def __init__(
        self, verb: str, label: str, progress: Progress, cancel: asyncio.Event, told: Told, late: Told
    ) -> None:
        """Nothing is begun yet.

        Args:
            told: called with what each server told, or in its place that it told nothing.
            late: called with what one still told when nobody waited for it any longer.
        """
        self._verb = verb
        self._label = label
        self._progress = progress
        self._cancel = cancel
        self._told = told
        self._late = late
        self._at = time.time()
        self._shares: list[_Share] = []
        self._next_tick = 0.0
        self._over = False

    async def run(self, parts: Mapping[Server, Selection], do: Do, *, patience: float) -> Outcome:
        """Do it to each server's share; the story of all.

        A server of which no word came for so many ``patience`` seconds, while no other is at work any more,
        is not waited for: it begins nothing more, and what it still tells is ``late``.

        Raises:
            HostError: nothing was done on any of them, and why.
        """
        started = time.monotonic()
        self._shares = [_Share(server, share, _Stop(self._cancel)) for server, share in parts.items()]
        tasks = {asyncio.create_task(self._one(share, do)): share for share in self._shares}
        pending = set(tasks)
        try:
            while pending:
                quiet_since = max(tasks[task].heard for task in pending)
                left = quiet_since + patience - time.monotonic()
                if left <= 0:
                    break
                _, pending = await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=GRACE)
            raise
        for task in pending:
            share = tasks[task]
            share.stop.set()
            share.error = TimedOut(
                f"no word from it for {patience:g} seconds, so nothing more is begun there"
            )
            why = f"it is not known what came of it: {share.error}"
            share.outcome = failed(self._verb, self._at, share.selection, why)
            self._told(share.name, share.outcome)
            leave(task)
        for task in set(tasks) - pending:
            task.result()
        self._over = True
        errors = [share.error for share in self._shares]
        if errors and all(errors):
            raise together_failed({s.server.name: s.error for s in self._shares if s.error is not None})
        total = sum(len(share.selection) for share in self._shares)
        self._progress(total, total, self._label)
        return self._story(time.monotonic() - started)

    async def _one(self, share: _Share, do: Do) -> None:
        def heard(done: int, total: int, what: str) -> None:
            share.done, share.heard = done, time.monotonic()
            if not self._over and share.heard >= self._next_tick:
                self._next_tick = share.heard + TICK
                all_done = sum(one.done for one in self._shares)
                self._progress(all_done, sum(len(one.selection) for one in self._shares), what)

        try:
            share.outcome = await do(share.server, share.selection, heard, share.stop)
        except HostError as error:
            share.error = error
            share.outcome = failed(self._verb, self._at, share.selection, f"not done: {error}")
        share.done = len(share.selection)
        (self._late if self._over else self._told)(share.name, share.outcome)

    def _story(self, cost: float) -> Outcome:
        whole = Outcome(self._verb, self._at, cost=cost)
        for share in self._shares:
            assert share.outcome is not None
            add(whole, share.name, share.outcome)
        return whole


def add(whole: Outcome, name: str, told: Outcome) -> None:
    """Put what one server told into the story of all: receipts bear keys, the rest says whose it is."""
    whole.receipts += [replace(receipt, id=key(name, receipt.id)) for receipt in told.receipts]
    whole.commands += [f"{name}: {command}" for command in told.commands]
    whole.notes += [f"{name}: {note}" for note in told.notes]
    whole.cancelled |= told.cancelled
    whole.entry = whole.entry or told.entry
    whole.parts = {**whole.parts, name: told}


def failed(verb: str, at: float, selection: Selection, why: str) -> Outcome:
    """The outcome of a share to which nothing was done, or nobody knows what."""
    receipts = [Receipt(target.identity.id, Result.FAILED, why) for target in selection.targets]
    return Outcome(verb, at, receipts, notes=[why])


def together_failed(errors: Mapping[str, HostError]) -> HostError:
    """One error for those of all servers: of their kind where they are of one, saying whose is which."""
    words = "\n".join(
        words if (words := str(error)).startswith(name) else f"{name}: {words}"
        for name, error in errors.items()
    )
    for kind in (ReadOnly, NotPermitted, Missing, TimedOut, Unreachable):
        if all(isinstance(error, kind) for error in errors.values()):
            return kind(words)
    return HostError(words)
