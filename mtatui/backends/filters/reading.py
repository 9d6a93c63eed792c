"""The filters beside a Postfix as they are configured at one moment, or (in a draft) as they would be.

Each is immutable and knows its own files; a draft replaces one by another, and what differs in the end are
the edits. None stands for a program that is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mtatui.backends.filters import manager
from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.filters.places import Places
from mtatui.backends.host import File, Host, HostError, Missing
from mtatui.settings.current import Finding
from mtatui.settings.plan import Care

if TYPE_CHECKING:
    from mtatui.backends.filters.amavis import Amavis
    from mtatui.backends.filters.clamd import Clamd
    from mtatui.backends.filters.freshclam import Freshclam
    from mtatui.backends.filters.opendkim import OpenDkim
    from mtatui.backends.filters.spamassassin import SpamAssassin
    from mtatui.backends.postfix.reading import PostfixReading


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it shall be; ``data`` None: there is none."""

    data: bytes | None
    mode: int = 0o644
    secrets: tuple[str, ...] = field(default=(), repr=False)
    owner: str = ""
    """``user:group`` of a new file; "" for root."""


class Component(Protocol):
    """One program beside Postfix."""

    def written(self) -> Mapping[str, Written]:
        """Its files that mtatui may write, by path, as they are or would be."""
        ...

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterable[Care]:
        """What daemons need when files change; those of one daemon are joined, whoever gives them.

        Args:
            edited: all files that change, whosever they are, as they will be; None for one that goes.
            filters: as they will be.
        """
        ...

    def findings(self, reading: PostfixReading) -> Iterable[Finding]:
        """What is to be said about its configuration as it works now (``reading.filters`` are there)."""
        ...


@dataclass(frozen=True)
class Filters:
    """All of them."""

    places: Places
    files: Mapping[str, File | HostError] = field(repr=False)
    """What was read, by path."""
    manager: Manager = Manager.NONE
    amavis: Amavis | None = None
    spamassassin: SpamAssassin | None = None
    clamd: Clamd | None = None
    freshclam: Freshclam | None = None
    opendkim: OpenDkim | None = None
    units: Mapping[str, Unit] = field(default_factory=dict)
    """What is managed here, by what `mtatui services` calls it; see `mtatui.backends.filters.manager`."""

    def components(self) -> tuple[Component, ...]:
        """Those that are there."""
        every = (self.amavis, self.spamassassin, self.clamd, self.freshclam, self.opendkim)
        return tuple(component for component in every if component is not None)

    def written(self) -> dict[str, Written]:
        """The files of all of them, as they are or would be."""
        return {path: what for one in self.components() for path, what in one.written().items()}

    def file(self, path: str) -> bytes | None:
        """What is in a file that was read; None where there is none."""
        found = self.files.get(path)
        return found.data if isinstance(found, File) else None


#: What was read so far, by path. A component that reads more adds it: what is not there cannot be edited.
Files = dict[str, File | HostError]


async def read(host: Host, places: Places) -> Filters:
    """Read the configuration of all filters. What is not there is None, and no error.

    Raises:
        HostError: the server does not answer.
    """
    # They import this module, for what is in it.
    from mtatui.backends.filters import amavis, clamd, freshclam, opendkim, spamassassin

    fixed = [*places.clamd, *places.freshclam, *places.opendkim]
    files, (managed, units) = await asyncio.gather(host.files(fixed), manager.find(host, places))
    there = await asyncio.gather(
        amavis.read(host, places, files),
        spamassassin.read(host, places, files),
        clamd.read(host, places, files),
        freshclam.read(host, places, files),
        opendkim.read(host, places, files),
    )
    return Filters(places, files, managed, *there, units=units)


def first(paths: Iterable[str], files: Mapping[str, File | HostError]) -> tuple[str, File | HostError] | None:
    """The first of several places at which there is a file, be it one that may not be read; None where there
    is none."""
    for path in paths:
        found = files.get(path)
        if found is not None and not isinstance(found, Missing):
            return path, found
    return None
