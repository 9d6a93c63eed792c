"""Drift: where servers are not as a profile says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtatui.backends.host import HostError
from mtatui.fleet.readings import readings
from mtatui.settings.profile import Difference, differences

if TYPE_CHECKING:
    from mtatui.server import Server
    from mtatui.settings.current import Reading


@dataclass(frozen=True, slots=True)
class Drift:
    """How one server stands to a profile."""

    server: Server
    reading: Reading | None = None
    """None where it could not be read."""
    differences: tuple[Difference, ...] = ()
    error: HostError | None = None
    """Why it could not be compared."""


async def drift(servers: Sequence[Server], wanted: Mapping[str, Any]) -> list[Drift]:
    """Compare servers with a profile, all at once. Nothing is changed.

    Args:
        wanted: what the profile says, by setting key (`mtatui.settings.profile.read`).
    """
    found = []
    for server, answer in await readings(servers, wanted, ask_history=True):
        if isinstance(answer, HostError):
            found.append(Drift(server, error=answer))
        else:
            found.append(Drift(server, answer, tuple(differences(answer, wanted))))
    return found
