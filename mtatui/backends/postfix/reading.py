"""Reads what a Postfix is configured to do: its files, and what its own postconf(1) makes of them.

Three short processes, side by side: ``postconf`` (every parameter as this instance has it, host names and
networks worked out, and on standard error what Postfix finds odd), ``postconf -d`` (what each would be had
nobody said anything), ``postconf -m`` (the types of tables). What stands where, main.cf and master.cf say.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from mtatui.backends.host import Completed, File, Host, HostError
from mtatui.backends.postfix.expand import expand
from mtatui.backends.postfix.main_cf import Assignment, MainCf
from mtatui.backends.postfix.master_cf import MasterCf, Service
from mtatui.backends.postfix.tools import Tools, explain

if TYPE_CHECKING:
    from mtatui.backends.filters.reading import Filters

T = TypeVar("T")

#: What Postfix compiles a table into: the ending of the file beside its source (postmap(1)).
COMPILED = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb", "dbm": ".pag", "sdbm": ".pag"}
#: Tables that are read as they are.
PLAIN = ("texthash", "regexp", "pcre", "cidr")

_TABLE = re.compile(rf"\b({'|'.join((*COMPILED, *PLAIN))}):((?:/|\$config_directory/)[^\s,{{}}]+)")

_FILE = re.compile(r"(?:^|[\s,!])(/[^\s,]+)")


@dataclass(frozen=True)
class PostfixReading:
    """One Postfix's configuration at one moment, or (see `mtatui.backends.postfix.draft`) as it would be."""

    config_directory: str
    main: MainCf
    master: MasterCf
    files: Mapping[str, File | HostError] = field(repr=False)
    """What was read, by path: main.cf, master.cf, and mtatui's own tables."""
    values: Mapping[str, str] = field(repr=False)
    """What main.cf does not say, as this instance has it."""
    defaults: Mapping[str, str] = field(repr=False)
    """Every parameter this version knows, with its default."""
    types: frozenset[str] = frozenset()
    """The types of tables it can use."""
    warnings: tuple[str, ...] = ()
    """What postconf found odd, a line each."""
    tables: Mapping[str, int | None] = field(default_factory=dict, repr=False)
    """Files of tables that are named in main.cf and master.cf, sources and compiled ones, and when they were
    changed (nanoseconds since the epoch); None for what is not there or cannot be seen."""
    filters: Filters | None = field(default=None, repr=False)
    """The daemons beside it; None: they were not read."""

    _derived: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def version(self) -> tuple[int, ...]:
        """Postfix's version: (3, 7, 11)."""
        return tuple(int(number) for number in re.findall(r"\d+", self.defaults.get("mail_version", ""))[:3])

    @property
    def queue_directory(self) -> str:
        """Where the queue is."""
        return self.effective("queue_directory")

    @property
    def main_path(self) -> str:
        """The path of main.cf."""
        return f"{self.config_directory}/main.cf"

    @property
    def master_path(self) -> str:
        """The path of master.cf."""
        return f"{self.config_directory}/master.cf"

    def explicit(self, name: str) -> Assignment | None:
        """What main.cf says of a parameter, None where it says nothing."""
        return self.main.get(name)

    def lookup(self, name: str) -> str | None:
        """A parameter as it is, ``$name`` in it not expanded; None for one that nobody knows."""
        assignment = self.main.get(name)
        if assignment is not None:
            return assignment.value
        return self.values.get(name, self.defaults.get(name))

    def raw(self, name: str) -> str:
        """A parameter exactly as it is written, line breaks and comments in it included; "" for none."""
        assignment = self.main.get(name)
        return assignment.raw if assignment is not None else self.lookup(name) or ""

    def effective(self, name: str) -> str:
        """A parameter as it works: ``$name`` in it expanded."""
        return self.expanded(self.lookup(name) or "")

    def for_service(self, service: Service, name: str) -> str:
        """A parameter as it works for one service, whose ``-o`` goes before main.cf (master(5))."""

        def lookup(wanted: str) -> str | None:
            return service.overrides.get(wanted, self.lookup(wanted))

        return _expanded(lookup(name) or "", lookup)

    def expanded(self, text: str) -> str:
        """A text as Postfix understands it in main.cf."""
        return _expanded(text, self.lookup)

    def derived(self, name: str, make: Callable[[PostfixReading], T]) -> T:
        """What is made of this configuration once, when it is first asked for."""
        if name not in self._derived:
            self._derived[name] = make(self)
        made: T = self._derived[name]
        return made

    def services(self, *commands: str) -> Iterator[Service]:
        """The services that run one of these commands."""
        return (service for service in self.master.services if service.command in commands)

    def file(self, path: str) -> bytes | None:
        """What is in a file that was read; None where there is none."""
        found = self.files.get(path)
        return found.data if isinstance(found, File) else None


def _expanded(text: str, lookup: Callable[[str], str | None]) -> str:
    if "$" not in text:
        return text
    try:
        return expand(text, lookup)
    except ValueError:  # it leads back to itself: Postfix would not start with it
        return text


async def read(
    host: Host, config_directory: str | None, own: Iterable[str] = (), looked_into: Iterable[str] = ()
) -> PostfixReading:
    """Read the configuration.

    Args:
        config_directory: None for the one that Postfix takes by itself.
        own: the names of further files below the configuration directory.
        looked_into: parameters that name tables whose sources are wanted, too.

    Raises:
        HostError: there is no Postfix or no main.cf, or it may not be read.
    """
    tools = Tools(host, config_directory)

    async def ask(*options: str) -> Completed:
        completed = await host.run(tools.argv("postconf", *options))
        if completed.returncode != 0:
            raise explain(completed, host.name)
        return completed

    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(ask(*options)) for options in ((), ("-d",), ("-m",))]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    values_said, defaults_said, types_said = (task.result() for task in asked)
    values = _parameters(values_said.stdout)
    directory = values.get("config_directory") or config_directory or "/etc/postfix"
    main_path, master_path = f"{directory}/main.cf", f"{directory}/master.cf"
    files = await host.files([main_path, master_path, *(f"{directory}/{name}" for name in own)])
    for path in (main_path, master_path):
        if isinstance(error := files[path], HostError):
            raise error
    main, master = (file.data for path in (main_path, master_path) if isinstance(file := files[path], File))
    parsed = MainCf.parse(main)
    named = " ".join(values.get(name, "") for name in looked_into).replace("$config_directory", directory)
    files |= await host.files(path for _, path in _TABLE.findall(named) if path not in files)
    return PostfixReading(
        config_directory=directory,
        main=parsed,
        master=MasterCf.parse(master),
        files=files,
        # What main.cf says is known from there, and a draft may unsay it.
        values={name: value for name, value in values.items() if parsed.get(name) is None},
        defaults=_parameters(defaults_said.stdout),
        types=frozenset(types_said.stdout.decode("ascii", "replace").split()),
        warnings=tuple(values_said.errors.splitlines()),
        tables=await _tables(host, main + b"\n" + master, values.get("mynetworks", ""), directory),
    )


def _parameters(output: bytes) -> dict[str, str]:
    """What postconf printed: a line for each parameter, ``name = value``."""
    parameters = {}
    for line in output.decode("utf-8", "surrogateescape").split("\n"):
        name, equals, value = line.partition(" =")
        if equals:
            parameters[name] = value.strip(" ")
    return parameters


async def _tables(host: Host, text: bytes, networks: str, directory: str) -> dict[str, int | None]:
    """When the tables that a configuration names were changed, and what they were compiled into; and the
    files of networks."""
    paths = _FILE.findall(networks.replace("$config_directory", directory))
    for type, path in _TABLE.findall(text.decode("utf-8", "surrogateescape")):
        source = path.replace("$config_directory", directory)
        paths.append(source)
        if type in COMPILED:
            paths.append(source + COMPILED[type])
    files = await host.files(dict.fromkeys(paths), contents=False)
    return {path: file.tag.mtime_ns if isinstance(file, File) else None for path, file in files.items()}
