"""From the options before a command to the servers that it is about: one, or several as a fleet.

What looks is about all servers that are configured, unless ``--server`` says which. What changes something
says which where there are several. A server that does not answer is told, and never keeps the others from
being shown; it makes the exit code 1, and that of its error where no other answered either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from mtatui.cli.guard import DONE, NOT_ALL, Misused
from mtatui.cli.options import Options
from mtatui.cli.output import say
from mtatui.config import Config, ServerEntry, load
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.host import HostError
    from mtatui.fleet import Fleet, Questions
    from mtatui.fleet.opening import Opening
    from mtatui.server import Server

T = TypeVar("T")

#: Seconds until the person is told who is waited for.
PATIENCE = 3.0
#: What a host is called that is this machine.
HERE = ("localhost", "")


def chosen(options: Options, config: Config) -> list[ServerEntry]:
    """The servers that the options mean, one at least: those that ``--server`` picks, else all of them; this
    machine where none are configured.

    Raises:
        Misused: there are none of that name, or it makes no sense otherwise.
    """
    there = _there(options, config)
    if options.server:
        if not there:
            raise _none_configured(options, config)
        from mtatui.cli.picking import picked

        there = picked(options.server, there)
    if not options.config_dir:
        return there or [ServerEntry("")]
    if options.server and len(there) > 1:
        raise Misused("-c is about one server, and --server means several")
    here = there if options.server else [entry for entry in there if entry.host in HERE]
    entry = here[0] if here else ServerEntry("")
    # Absolute, because commands run in the root directory.
    return [replace(entry, config_directory=os.path.abspath(options.config_dir))]


def _there(options: Options, config: Config) -> list[ServerEntry]:
    """All that there are to choose from."""
    if options.hosts or options.inventory:
        return _from_elsewhere(options.hosts, options.inventory)
    return list(config.servers)


@lru_cache(maxsize=1)
def _from_elsewhere(hosts: str, inventory: str) -> list[ServerEntry]:
    """Servers that the command line names; asked for once, for an inventory may take its time."""
    from mtatui.fleet.inventory import Unreadable, listed, read

    try:
        return (listed(hosts) if hosts else []) + (read(inventory) if inventory else [])
    except Unreadable as error:
        raise Misused(str(error)) from error


def _none_configured(options: Options, config: Config) -> Misused:
    return Misused(f"no server is called {clean(options.server)!r}; none is configured in {config.path}")


def open_fleet(
    options: Options,
    config: Config,
    questions: Questions | None = None,
    *,
    instances: bool = True,
) -> Fleet:
    """The servers that the options mean. Nothing has been asked of those that are configured.

    Args:
        instances: of a machine for which none is configured, all instances of Postfix are meant.

    Raises:
        Misused: as `chosen`; or two servers have the same name.
    """
    from mtatui.fleet.opening import Opening

    opening = Opening.of(config, read_only=options.read_only, questions=questions)
    if options.demo:
        return _demo(opening)
    if not options.config_dir and not _there(options, config):
        return _this_machine(options, config, opening, instances)
    try:
        return opening.fleet(chosen(options, config))
    except ValueError as error:
        raise Misused(str(error)) from error


def _this_machine(options: Options, config: Config, opening: Opening, instances: bool) -> Fleet:
    """The Postfix of this machine, or its instances, or the one that is meant."""
    from mtatui.backends.host import HostError
    from mtatui.fleet.instances import take_in

    fleet = opening.fleet([ServerEntry("")])
    if instances or options.server:
        with suppress(HostError):  # whoever asks for more will be told the same
            take_in(fleet)
    if not options.server:
        return fleet
    entries = [
        ServerEntry(one.name, config_directory=one.config_directory or "", tags=fleet.tags.get(one.name, ()))
        for one in fleet.servers
    ]
    fleet.close()
    if len(entries) == 1:
        raise _none_configured(options, config)
    from mtatui.cli.picking import picked

    return opening.fleet(picked(options.server, entries))


def _demo(opening: Opening) -> Fleet:
    from mtatui.backends.host_demo import DemoHost
    from mtatui.fleet import Fleet
    from mtatui.server import Server

    demo = DemoHost(read_only=opening.read_only)
    server = Server(
        demo,
        name="demo",  # by its own name it would look like somebody's server
        filter_places=demo.places,
        keep_days=opening.keep_days,
        keep_bytes=opening.keep_bytes,
    )
    return Fleet([server], opening=opening)


@dataclass(slots=True)
class Gathered:
    """The servers that a command is about."""

    fleet: Fleet
    names: tuple[str, ...]
    """Those that are asked, by what the index calls them: all, unless keys name some of them."""
    silent: dict[str, HostError] = field(default_factory=dict)
    """Those that did not answer, and why. It has been said."""

    @property
    def many(self) -> bool:
        """Whether it must be said of which server something is."""
        return self.fleet.many

    @property
    def servers(self) -> list[Server]:
        """Those that are asked, and that have answered so far."""
        return [self.fleet.server(name) for name in self.names if name not in self.silent]

    @property
    def answering(self) -> list[str]:
        """The same by their names."""
        return [name for name in self.names if name not in self.silent]

    def lost(self, errors: Mapping[str, HostError]) -> None:
        """Say of whom nothing is heard.

        Raises:
            HostError: that is so of all of them.
        """
        self.silent |= errors
        if errors and not self.answering:
            if not self.many:
                raise next(iter(self.silent.values()))
            from mtatui.fleet.together import together_failed

            raise together_failed(self.silent)
        for name, error in errors.items():
            words = str(error)
            say(f"mtatui: {words}" if words.startswith(f"{name} ") else f"mtatui: {name}: {words}")

    def heard(self, answers: Mapping[str, T | HostError]) -> dict[str, T]:
        """What was answered; who did not is told.

        Raises:
            HostError: nobody did.
        """
        from mtatui.backends.host import HostError

        self.lost({name: answer for name, answer in answers.items() if isinstance(answer, HostError)})
        return {name: answer for name, answer in answers.items() if not isinstance(answer, HostError)}

    def ask(self, do: Callable[[Server], Awaitable[T]]) -> dict[str, T]:
        """Do something on each of them, all at once, and what came of it where they answered.

        Raises:
            HostError: nobody did.
        """
        from mtatui.cli.session import wait_for

        with self.waiting() as waiting:

            async def one(server: Server) -> T:
                try:
                    return await do(server)
                finally:
                    waiting.discard(server.part_name)

            return self.heard(wait_for(self.fleet.each(one, self.answering)))

    def side_by_side(self, do: Callable[[Server], T]) -> dict[str, T]:
        """Do what waits by itself on each of them, each in a thread, and what came of it; see `ask`.

        Raises:
            HostError: nobody answered.
        """
        from concurrent.futures import ThreadPoolExecutor

        from mtatui.backends.host import HostError

        with self.waiting() as waiting:

            def one(server: Server) -> T | HostError:
                try:
                    return do(server)
                except HostError as error:
                    return error
                finally:
                    waiting.discard(server.part_name)

            if not self.many:
                return self.heard({"": one(self.servers[0])})
            with ThreadPoolExecutor(len(self.names)) as threads:
                return self.heard(dict(zip(self.answering, threads.map(one, self.servers), strict=True)))

    @contextmanager
    def waiting(self) -> Iterator[set[str]]:
        """The names of those that are asked, to be taken out as they answer: after a while the person is told
        who has not, where there are several and somebody is there to be told. Who waits for an answer of the
        person is not named."""
        left = set(self.answering)
        if not (self.many and sys.stderr.isatty()):
            yield left
            return
        from threading import Timer

        from mtatui.cli.picking import named

        def tell() -> None:
            names = sorted(name for name in left if self.fleet.questions.of(name) is None)
            for name in names:
                if notice := getattr(self.fleet.server(name).host, "notice", ""):
                    say(f"mtatui: {name}: {notice}")
            if names:
                say(f"mtatui: waiting for {named(names)} …")

        timer = Timer(PATIENCE, tell)
        timer.start()
        try:
            yield left
        finally:
            timer.cancel()

    def document(self, servers: list[dict[str, Any]]) -> dict[str, Any]:
        """What was found as one JSON document: of a lone server its own; of several a list of them, where
        those that did not answer stand with their ``error``."""
        if not self.many:
            return servers[0]
        silent = [{"server": name, "error": str(error)} for name, error in self.silent.items()]
        return {"servers": servers + silent}

    def code(self, code: int = DONE) -> int:
        """The exit code: that of what was done, 1 where somebody did not answer."""
        return code or (NOT_ALL if self.silent else DONE)


@contextmanager
def gathered(
    options: Options, *, changes: str = "", named: Iterable[str] | None = None
) -> Iterator[Gathered]:
    """The servers that a command is about, let go of afterwards. What is wrong in mtatui's own configuration
    is said.

    Args:
        changes: what would be changed, in words: where there are several, the person must say on which.
        named: the servers that are named by what it is about (``SERVER/ID``); others are not asked.
    """
    config = load()
    for problem in config.problems:
        say(f"mtatui: {problem}")
    with _asking(options, config) as asking:
        fleet = open_fleet(options, config, asking)
        try:
            if changes and fleet.many and not options.server and named is None:
                raise Misused(f"{changes}: {_several(fleet)}")
            yield Gathered(fleet, fleet.names if named is None else _named(fleet, named))
        finally:
            fleet.close()


def _asking(options: Options, config: Config) -> AbstractContextManager[Questions | None]:
    """What ssh may ask through, where there is a server far away."""
    if options.demo or all(entry.host in HERE for entry in _there(options, config)):
        return nullcontext()
    from mtatui.cli.asking import questions

    return questions()


def _named(fleet: Fleet, wanted: Iterable[str]) -> tuple[str, ...]:
    """What the index calls servers that keys name."""
    from mtatui.backends.host import HostError
    from mtatui.cli import picking

    found = []
    for name in wanted:
        try:
            found.append(fleet.server(name).part_name)
        except HostError as error:
            there = picking.named(server.name for server in fleet.servers)
            raise Misused(f"no server is called {clean(name)!r}; there are: {there}") from error
    return tuple(found)


def _several(fleet: Fleet) -> str:
    from mtatui.cli import picking

    names = picking.named(fleet.names)
    return f"there are several servers. Say which before the command: --server NAME, @TAG or all ({names})"


@contextmanager
def opened(options: Options) -> Iterator[Server]:
    """The one server that a command is about.

    Raises:
        Misused: there are several.
    """
    with gathered(options, changes="This is about one server" if not options.server else "") as them:
        if them.many:
            raise Misused(
                f"This is about one server, and --server means {len(them.names)}: say --server NAME"
            )
        yield them.fleet.servers[0]
