"""One managed server: what the terminal and the command line talk to.

A `Server` knows its host and what kind of Postfix it is (`Facts`), keeps the index of its queue live, and
runs the verbs. Screens and commands never build an argv; they ask here, and they ask here too whether
something is possible (`why_not`), so that a greyed key and a refused command give the same reason.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from mtatui.backends.host import Host
from mtatui.backends.postfix.facts import Facts, ask
from mtatui.backends.postfix.fitting import misfit
from mtatui.live import Feed, Live
from mtatui.queue.message import State, key
from mtatui.verbs import BOUNCE, DELETE, DELIVER, Action, Danger, Verb

if TYPE_CHECKING:
    import asyncio

    from mtatui.backends.configuration import Configuration
    from mtatui.backends.dkim.signing import Dkim
    from mtatui.backends.filters.databases import Databases
    from mtatui.backends.filters.places import Places
    from mtatui.backends.journal import Journal
    from mtatui.backends.postfix.act import Actor
    from mtatui.backends.postfix.tools import Tools
    from mtatui.backends.postfix.trials import Trials
    from mtatui.backends.probing import Prober
    from mtatui.backends.services import Services
    from mtatui.backends.verdicts import Judge, Verdicts
    from mtatui.queue.index import Index
    from mtatui.queue.message import Message
    from mtatui.queue.part import Part
    from mtatui.queue.selection import Outcome, Selection


class Server:
    """One Postfix instance on one host."""

    def __init__(
        self,
        host: Host,
        config_directory: str | None = None,
        name: str = "",
        *,
        filter_places: Places | None = None,
        keep_days: int = 7,
        keep_bytes: int = 1024**3,
        far: bool = False,
    ) -> None:
        """Nothing is started yet. It is a lone server until it is to `join` others.

        Args:
            filter_places: where the files of the filters may be; None for where distributions have them.
            keep_days, keep_bytes: how long, and how much, the trash keeps.
            far: every look at it goes over a network.
        """
        self.host = host
        self.keep_days = keep_days
        self.keep_bytes = keep_bytes
        self.config_directory = config_directory
        self.filter_places = filter_places
        self.far = far
        self.live: Live | None = None
        self.part_name = ""
        """What the index calls it, "" for a lone one: the keys of its messages begin with that."""
        self._name = name
        self._facts: Facts | None = None
        self._index: Index | None = None
        self._index_of_all: Callable[[], Index] | None = None
        self._making = threading.Lock()
        self._asking = threading.Lock()

    @property
    def name(self) -> str:
        """What the user calls it; else what it calls itself."""
        return self._name or (self._facts.hostname if self._facts else self.host.name)

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    @property
    def facts(self) -> Facts:
        """What kind of Postfix it is; asked once, which takes one `postconf`.

        Raises:
            HostError: there is no Postfix, or none that answers.
        """
        if self._facts is None:
            with self._asking:
                self._facts = self._facts or ask(self.host, self.config_directory)
        return self._facts

    @property
    def known(self) -> bool:
        """Whether it has been reached, and has told its facts."""
        return self._facts is not None

    async def reached(self) -> Facts:
        """The facts, without blocking whoever asks: far away they may take their time.

        Raises:
            HostError: as `facts`.
        """
        from asyncio import to_thread

        return self._facts if self._facts is not None else await to_thread(lambda: self.facts)

    @property
    def index(self) -> Index:
        """What is in its queue, and in those it has joined. Imported late: the reader is on its way then."""
        with self._making:
            if self._index is None and self._index_of_all is not None:
                self._index = self._index_of_all()
            if self._index is None:
                from mtatui.queue.index import Index

                self._index = Index()
            return self._index

    @property
    def part(self) -> Part:
        """What the index holds of its queue."""
        return self.index.part(self.part_name)

    def join(self, part_name: str, index: Callable[[], Index] | None = None) -> None:
        """Be one of several, under a name, in the index of another or (None) in its own, which others join.

        A server that is live already begins anew.
        """
        live, self.live = self.live, None
        if live is not None:
            live.close()
        with self._making:
            known, before = self._index, self.part_name
            self.part_name = part_name
            if index is not None:
                self._index, self._index_of_all = None, index
        if known is not None:
            known.part(before).drop()
        if live is not None:
            self.start()

    # --- the queue, live -------------------------------------------------------------------------------

    def start(self) -> Live:
        """Begin to keep the index live, in a thread; once is enough."""
        if self.live is None:
            self.live = Live(self.host.name, self.feed, lambda: self.part, far=self.far)
            self.live.start()
        return self.live

    def listen(self, listener: Callable[[], None]) -> None:
        """Have the listener called, in the live thread, after each delta; see `Live.listen`."""
        self.start().listen(listener)

    def rescan(self, thorough: bool = False) -> None:
        """Look at the queue now."""
        if self.live is not None:
            self.live.now(thorough)

    def feed(self) -> Feed:
        """Where the queue comes from: its spool where it can be read, `postqueue -j` elsewhere."""
        from mtatui.backends.postfix.feed import PostqueueFeed, SpoolFeed

        facts = self.facts
        if self.host.superuser:
            return SpoolFeed(self.host, facts.queue_directory, facts.hash_names, facts.hash_depth)
        return PostqueueFeed(self.host, self.config_directory)

    def scan(self) -> None:
        """Read the queue once, here and now: what the command line does."""
        feed = self.feed()
        try:
            for delta in feed.scan():
                self.part.apply(delta)
        finally:
            feed.close()

    def close(self) -> None:
        """Let go of the server: its feed, its children. Far away the connection goes first: over one that
        hangs nobody could say farewell."""
        if self.live is not None:
            self.live.end()
        if self.far:
            self._let_go()
        if self.live is not None:
            self.live.close()
        if "actor" in self.__dict__:
            self.actor.close()
        self._let_go()

    def _let_go(self) -> None:
        close = getattr(self.host, "close", None)
        if close is not None:
            close()

    # --- what can be done, and doing it ----------------------------------------------------------------

    def why_not(self, action: Action, states: Iterable[State] = ()) -> str:
        """Why an action cannot be done here or to messages in these states; "" where it can."""
        changes = isinstance(action, Verb) or action.danger is not Danger.LOOKS or action.id == "flush"
        if changes and self.host.read_only:
            return f"{self.name} is open read-only"
        needs_root = action.needs_root if isinstance(action, Verb) else action.id in _ROOT_ACTIONS
        if (needs_root or isinstance(action, Verb)) and self.host.limits:
            return self.host.limits
        if needs_root and not self.host.superuser:
            return "only root may do that: run mtatui as root, or with sudo (README)"
        if action is BOUNCE and self._facts is not None and self._facts.release < (3, 5):
            return f"bounce needs Postfix 3.5 or newer; {self.name} has {self._facts.version}"
        return misfit(action, set(states)) if isinstance(action, Verb) else ""

    @cached_property
    def tools(self) -> Tools:
        """Postfix's own commands."""
        from mtatui.backends.postfix.tools import Tools

        return Tools(self.host, self.config_directory)

    @cached_property
    def actor(self) -> Actor:
        """What runs the verbs."""
        from mtatui.backends.postfix.act import Actor

        facts = self.facts
        queue = facts.queue_directory, facts.hash_names, facts.hash_depth
        return Actor(self.host, self.tools, *queue, facts.release, far=self.far)

    @cached_property
    def configuration(self) -> Configuration:
        """What is set on it, and changing that."""
        from mtatui.backends.configuration import Configuration

        return Configuration(self.host, self.config_directory, self._name, self.filter_places)

    @cached_property
    def services(self) -> Services:
        """The daemons that its mail goes through: configured, running, answering."""
        from mtatui.backends.filters.places import Places
        from mtatui.backends.services import Services

        return Services(self.host, self.config_directory, self.filter_places or Places())

    @cached_property
    def dkim(self) -> Dkim:
        """Who signs what, and changing that."""
        from mtatui.backends.dkim.signing import Dkim

        return Dkim(self.host, self.configuration)

    @cached_property
    def signatures(self) -> Databases:
        """The signatures of viruses: how old they are, and new ones."""
        from mtatui.backends.filters.databases import Databases

        return Databases(self.host, self.filter_places)

    @cached_property
    def prober(self) -> Prober:
        """What sends a probe through the whole chain."""
        from mtatui.backends.probing import Prober

        return Prober(self.host, self.configuration, self.config_directory)

    @cached_property
    def judge(self) -> Judge:
        """What asks for verdicts on messages."""
        from mtatui.backends.verdicts import Judge

        return Judge(self.host, self.config_directory, self.filter_places)

    @property
    def journal(self) -> Journal:
        """What was done to this server's queue, by whom."""
        return self.actor.journal

    async def act(
        self,
        verb: Verb,
        selection: Selection,
        *,
        progress: Callable[[int, int, str], None] = lambda done, total, what: None,
        cancel: asyncio.Event | None = None,
        entry: str = "",
    ) -> Outcome:
        """Do a verb to a frozen selection (of queue IDs); a receipt for each of its messages comes back.

        Args:
            entry: what the journal is to call it; "" for a name of its own.
        """
        import asyncio  # not at the top: see `mtatui.backends.host_local`

        cancel = cancel or asyncio.Event()
        try:
            await self.reached()
            # Before and not after, so that what is deleted now can be restored however much it is.
            purge = (self.keep_days * 86400, self.keep_bytes) if verb is DELETE else None
            return await self.actor.act(
                verb, selection, progress=progress, cancel=cancel, entry=entry, purge=purge
            )
        finally:
            self.rescan(thorough=verb is DELIVER)

    async def running(self) -> bool:
        """Whether Postfix's master daemon runs."""
        return await self.tools.status()

    async def settle(self) -> list[Outcome]:
        """Find out what came of verbs that were interrupted (a crash, a cut link); nothing is done again."""
        if self.host.read_only or not self.host.superuser:
            return []
        await self.reached()
        return await self.actor.settle()

    async def flush(self, site: str = "") -> None:
        """Ask Postfix to try all deferred mail now, or what waits for one site (postqueue(1))."""
        try:
            await (self.tools.flush_site(site) if site else self.tools.flush())
        finally:
            self.rescan(thorough=True)

    # --- one message (screens.message.MessageSource) ---------------------------------------------------

    def message(self, id: str) -> Message | None:
        """What the index knows of a message."""
        return self.index.message(key(self.part_name, id))

    def expires(self, message: Message) -> int:
        """When it goes back to its sender (epoch seconds), 0 where it does not (held) or nobody knows."""
        if (
            self._facts is None
            or not message.arrival
            or message.state in (State.HOLD, State.TRASH, State.CORRUPT)
        ):
            return 0
        return self._facts.expires(message.arrival, message.sender)

    async def content(self, id: str, limit: int) -> tuple[bytes, bool]:
        """The raw message up to a limit in bytes, and whether there is more."""
        return await self.tools.cat(self._where(id), "raw", limit)

    async def records(self, id: str) -> str:
        """The envelope records as postcat(1) prints them."""
        out, _ = await self.tools.cat(self._where(id), "envelope", 1024 * 1024)
        return out.decode("utf-8", "surrogateescape")

    async def log_lines(self, id: str) -> list[str]:
        """The lines of the mail log about it."""
        from mtatui.backends.postfix.log import lines

        parameters = await self.tools.parameters("maillog_file")
        return await lines(self.host, id.partition(".")[0], parameters["maillog_file"])

    async def verdicts(
        self,
        id: str,
        *,
        progress: Callable[[Verdicts], None] = lambda so_far: None,
        cancel: asyncio.Event | None = None,
    ) -> Verdicts:
        """What clamd, SpamAssassin and its signatures say of a message; see `Judge.verdicts`."""
        return await self.judge.verdicts(id, self._where(id), progress=progress, cancel=cancel)

    async def trials(self) -> Mapping[str, Trials]:
        """What checks on trial would have refused, as the log says: by key, block lists by domain."""
        import asyncio

        from mtatui.backends.postfix.log import warnings
        from mtatui.backends.postfix.trials import count

        parameters = await self.tools.parameters("maillog_file")
        lines = await warnings(self.host, parameters["maillog_file"])
        return await asyncio.to_thread(count, lines)

    def _where(self, id: str) -> str:
        """What postcat calls it: its ID, or the path where it does not look by itself."""
        message = self.message(id)
        if message is not None and message.state is State.TRASH:
            return f"{self.facts.queue_directory}/mtatui/trash/{id}"
        if message is not None and message.state is State.CORRUPT:
            return f"{self.facts.queue_directory}/corrupt/{id}"
        return id


_ROOT_ACTIONS = frozenset({"empty-trash", "trash", "undo"})
