"""The filters beside a Postfix as they are configured at one moment, or (in a draft) as they would be.

Each is immutable and knows its own files; a draft replaces one by another, and what differs in the end are
the edits. None stands for a program that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from mtatui.backends.filters.places import Places
from mtatui.backends.host import File, HostError

if TYPE_CHECKING:
    from mtatui.backends.filters.amavis import Amavis
    from mtatui.backends.filters.clamd import Clamd
    from mtatui.backends.filters.freshclam import Freshclam
    from mtatui.backends.filters.opendkim import OpenDkim
    from mtatui.backends.filters.spamassassin import SpamAssassin


class Manager(StrEnum):
    """Who starts and stops services on a server."""

    SYSTEMD = "systemd"
    SYSV = "init scripts"
    NONE = ""


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


@dataclass(frozen=True)
class Filters:
    """All of them."""

    places: Places
    files: Mapping[str, File | HostError] = field(repr=False)
    """What was read, by path."""
    manager: Manager
    amavis: Amavis | None = None
    spamassassin: SpamAssassin | None = None
    clamd: Clamd | None = None
    freshclam: Freshclam | None = None
    opendkim: OpenDkim | None = None

    def components(self) -> tuple[Component, ...]:
        """Those that are there."""
        every = (self.amavis, self.spamassassin, self.clamd, self.freshclam, self.opendkim)
        return tuple(component for component in every if component is not None)
