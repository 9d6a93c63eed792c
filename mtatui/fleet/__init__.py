"""All servers that are managed, as one: what both faces talk to where there may be several.

A message is known by its key (`mtatui.queue.message.key`): of a lone server its queue ID, of several
``SERVER/ID``. A server is known by its name in the index, which of a lone one is "". Whatever is done to
several is done to all at once; a server that hangs or is dead costs the others nothing. A fleet of one is
that server: nothing is added to what it says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from mtatui.backends.host import HostError
from mtatui.fleet.condition import Condition, Phase, Questions, condition
from mtatui.fleet.members import Members
from mtatui.queue.message import State, split
from mtatui.server import Server
from mtatui.verbs import Action, Verb

if TYPE_CHECKING:
    import asyncio

    from mtatui.backends.postfix.trash import Contents
    from mtatui.backends.verdicts import Verdicts
    from mtatui.config import ServerEntry
    from mtatui.fleet.deeds import Deed
    from mtatui.fleet.opening import Opening
    from mtatui.fleet.together import Progress, Told
    from mtatui.queue.message import Message
    from mtatui.queue.selection import Outcome, Selection

__all__ = ["Condition", "Fleet", "Phase", "Questions"]

T = TypeVar("T")

#: Seconds after which a server is left out of a look at all of them.
LOOKING = 15.0
#: The same where its trash is emptied: that goes on, if it does.
EMPTYING = 120.0
#: Seconds between two looks at whether Postfix runs on a server far away.
FAR = 60.0


class Fleet(Members):
    """The servers that are managed, one or many, and what can be asked of them and done to them."""

    def __init__(
        self,
        servers: Iterable[Server],
        tags: Mapping[str, Iterable[str]] | None = None,
        questions: Questions | None = None,
        opening: Opening | None = None,
    ) -> None:
        """Nothing is started yet.

        Args:
            tags: by what servers can be chosen together, by their names.
            questions: what the servers ask through while they are opened.
            opening: how those are opened that are added later.

        Raises:
            ValueError: names are missing, not fit, or the same; the words say which.
        """
        super().__init__(servers, tags)
        self.questions = questions or Questions()
        self.patience = 0.0
        """Seconds without a word after which a verb waits no longer for a server; 0 for what is usual."""
        self._stopped: dict[str, bool] = {}
        self._watched: dict[str, float] = {}
        self._opening = opening
        self.late: list[Outcome] = []
        """What servers told of verbs when nobody waited for them any longer; `settle` tells it."""
        self.settled: set[str] = set()
        """The servers on which nothing can have been interrupted since they were asked."""

    def add(self, entry: ServerEntry) -> Server:
        """Take in one more server, as an entry of the config file has it.

        Raises:
            ValueError: its name is not fit, or taken; the words say so.
        """
        if self._opening is None:
            from mtatui.fleet.opening import Opening

            self._opening = Opening(read_only=self.read_only, questions=self.questions)
        server = self._opening.server(entry)
        self.join(server, entry.tags)
        return server

    # --- how they are ----------------------------------------------------------------------------------

    def condition(self, name: str) -> Condition:
        """How a server is."""
        server = self.server(name)
        return condition(server, self.questions.of(server.name), self._stopped.get(server.part_name, False))

    def open_again(self, name: str) -> None:
        """Try a server that does not answer at once, however it failed before."""
        server = self.server(name)
        again = getattr(server.host, "open_again", None)
        if again is not None:
            again()
        server.rescan()

    async def watch(self, names: Iterable[str] | None = None) -> None:
        """See whether Postfix runs on those that answer; `condition` tells. Far away not each time, unless
        it is asked for by name."""
        now = time.monotonic()
        reached = [
            server
            for server in self.chosen(names)
            if (not self.many or self.condition(server.part_name).answers)
            and (names or not server.far or now - self._watched.get(server.part_name, -FAR) >= FAR)
        ]
        self._watched.update((server.part_name, now) for server in reached)
        runs = await self._each(reached, lambda server: server.running(), LOOKING)
        self._stopped.update({name: not ran for name, ran in runs.items() if isinstance(ran, bool)})

    async def each(
        self,
        do: Callable[[Server], Awaitable[T]],
        names: Iterable[str] | None = None,
        *,
        patience: float | None = None,
    ) -> dict[str, T | HostError]:
        """Do something on each, all at once; what came of it or the error, by their names.

        Args:
            patience: seconds after which a server that has not answered is left alone (a `TimedOut`).
        """
        return await self._each(self.chosen(names), do, patience)

    async def _each(
        self, servers: Sequence[Server], do: Callable[[Server], Awaitable[T]], patience: float | None
    ) -> dict[str, T | HostError]:
        from mtatui.fleet.together import each, make_room

        if self.many:
            make_room(len(self._servers))
        return await each(servers, do, patience)

    # --- what can be done, and doing it ----------------------------------------------------------------

    def why_not(self, action: Action, states: Iterable[State] = (), keys: Iterable[str] | None = None) -> str:
        """Why an action cannot be done to messages in these states, on any of their servers; "" where it can.

        Args:
            keys: the messages; None for any, of whatever server.
        """
        states = tuple(states)
        names = None if keys is None or not self.many else dict.fromkeys(split(key)[0] for key in keys)
        servers = self.servers if not names else [s for n, s in self._servers.items() if n in names]
        reasons = [server.why_not(action, states) for server in servers]
        return "" if "" in reasons or not reasons else reasons[0]

    async def act(
        self,
        verb: Verb,
        selection: Selection,
        *,
        progress: Progress = lambda done, total, what: None,
        cancel: asyncio.Event | None = None,
        told: Told = lambda name, outcome: None,
    ) -> Outcome:
        """Do a verb to a frozen selection, on all its servers at once; a receipt for each of its messages.

        Args:
            progress: told how far all are, together.
            told: called with what one server told, as soon as it did. What one tells after nobody waited
                for it any longer, `settle` tells.

        Raises:
            HostError: nothing was done on any server, and why.
        """
        from mtatui.fleet.deeds import act

        return await act(self, verb, selection, progress=progress, cancel=cancel, told=told)

    async def last_undoable(self) -> Deed | None:
        """The last that was done on any of the servers, and that can be taken back.

        Raises:
            HostError: none of the servers could say.
        """
        from mtatui.fleet.deeds import last_undoable

        return await last_undoable(self)

    async def undo(
        self,
        deed: Deed | None = None,
        *,
        progress: Progress = lambda done, total, what: None,
        cancel: asyncio.Event | None = None,
        told: Told = lambda name, outcome: None,
    ) -> Outcome:
        """Take back what was done (without a deed: the last that can be), on all servers that it was done on.

        Raises:
            HostError: it cannot be taken back, and why.
        """
        from mtatui.fleet.deeds import undo

        return await undo(self, deed, progress=progress, cancel=cancel, told=told)

    async def settle(self) -> list[Outcome]:
        """Find out what came of verbs that were interrupted or that nobody waited for; nothing is done again.

        Only of servers that answer; once each, and again when something was not done there or it was out of
        reach: to be called now and then.
        """
        from mtatui.fleet.deeds import settle

        late, self.late = self.late, []
        return late + await settle(self, self.settled)

    async def flush(self, site: str = "", names: Iterable[str] | None = None) -> dict[str, HostError]:
        """Ask Postfix to try all deferred mail now, or what waits for one site; where that failed, and why.

        Raises:
            HostError: it failed everywhere.
        """
        return await self._all_or_some(lambda server: server.flush(site), names)

    async def trash(
        self, limit: int = 0, names: Iterable[str] | None = None
    ) -> dict[str, Contents | HostError]:
        """What is in the trash of each server, so many messages of each at most."""

        async def look(server: Server) -> Contents:
            await server.reached()
            return await server.actor.trash.contents(limit)

        return await self.each(look, names, patience=LOOKING if self.many else None)

    async def empty_trash(self, names: Iterable[str] | None = None) -> dict[str, tuple[int, int] | HostError]:
        """Remove for good what is in the trash of each: how many messages, and their bytes."""

        async def empty(server: Server) -> tuple[int, int]:
            await server.reached()
            try:
                return await server.actor.trash.empty()
            finally:
                server.rescan()

        return await self.each(empty, names, patience=EMPTYING if self.many else None)

    async def _all_or_some(
        self, do: Callable[[Server], Awaitable[None]], names: Iterable[str] | None
    ) -> dict[str, HostError]:
        answers = await self.each(do, names)
        errors = {name: error for name, error in answers.items() if isinstance(error, HostError)}
        if errors and len(errors) == len(answers):
            if "" in errors:
                raise errors[""]
            from mtatui.fleet.together import together_failed

            raise together_failed(errors)
        return errors

    # --- one message (screens.message.MessageSource) ---------------------------------------------------

    def message(self, key: str, within: float = math.inf) -> Message | None:
        """What the index knows of a message. Raises TimeoutError when it has no time so soon (seconds)."""
        return self.index.message(key, within)

    def expires(self, message: Message) -> int:
        """When it goes back to its sender (epoch seconds), 0 where it does not (held) or nobody knows."""
        try:
            server, _ = self.of(message.id)
        except HostError:
            return 0
        return server.expires(message)

    async def content(self, key: str, limit: int) -> tuple[bytes, bool]:
        """The raw message up to a limit in bytes, and whether there is more."""
        server, id = self.of(key)
        return await server.content(id, limit)

    async def records(self, key: str) -> str:
        """The envelope records as postcat(1) prints them."""
        server, id = self.of(key)
        return await server.records(id)

    async def log_lines(self, key: str) -> list[str]:
        """The lines of the mail log about it."""
        server, id = self.of(key)
        return await server.log_lines(id)

    async def verdicts(
        self,
        key: str,
        *,
        progress: Callable[[Verdicts], None] = lambda so_far: None,
        cancel: asyncio.Event | None = None,
    ) -> Verdicts:
        """What clamd, SpamAssassin and its signatures say of a message; see `Judge.verdicts`."""
        server, id = self.of(key)
        return await server.verdicts(id, progress=progress, cancel=cancel)
