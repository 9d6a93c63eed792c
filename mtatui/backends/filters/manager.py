"""Who starts and stops the filters on a server: systemd, init scripts, or nobody who is known here.

Sources: systemctl(1), service(8), sd_booted(3); the packages of Debian 12, Fedora and openSUSE for the names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mtatui.backends.filters.places import Places
from mtatui.backends.host import Host, HostError
from mtatui.settings.plan import Command

#: What each is called by the distributions, Debian's first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "amavis": ("amavis", "amavisd"),
    "clamd": ("clamav-daemon", "clamd@scan", "clamd@amavisd", "clamd"),
    "freshclam": ("clamav-freshclam", "freshclam"),
    "opendkim": ("opendkim",),
    "spamd": ("spamd", "spamassassin"),
    "saslauthd": ("saslauthd",),
    "dovecot": ("dovecot",),
}
#: Seconds that a start or a stop may take: clamd loads its signatures before it is up.
LONG = 150.0
#: What init scripts call a deed, if otherwise.
_SCRIPTS = {"reload": "force-reload"}


class Manager(StrEnum):
    """Who starts and stops services."""

    SYSTEMD = "systemd"
    SYSV = "init scripts"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """A service as its manager knows it."""

    manager: Manager
    name: str

    def command(self, deed: str) -> Command:
        """What does it: ``restart``, ``reload``, ``start``, ``stop``."""
        if self.manager is Manager.SYSTEMD:
            return Command(("systemctl", deed, f"{self.name}.service"), timeout=LONG)
        # Debian's amavis and clamd know no "reload" there; this reloads, or else restarts (LSB).
        return Command(("service", self.name, _SCRIPTS.get(deed, deed)), timeout=LONG)

    @property
    def running(self) -> Command:
        """What exits with 0 while it runs."""
        if self.manager is Manager.SYSTEMD:
            return Command(("systemctl", "is-active", "--quiet", f"{self.name}.service"))
        return Command(("service", self.name, "status"))


async def find(host: Host, places: Places) -> tuple[Manager, dict[str, Unit]]:
    """Who it is, and what is managed there, by what `mtatui services` calls it.

    Raises:
        HostError: the server does not answer.
    """
    manager = await which(host, places)
    if manager is Manager.NONE:
        return manager, {}
    there = await _there(host, places.units if manager is Manager.SYSTEMD else places.init)
    found = {}
    for service, names in NAMES.items():
        for name in names:
            wanted = _files(name) if manager is Manager.SYSTEMD else {name}
            if wanted & there:
                found[service] = Unit(manager, name)
                break
    return manager, found


async def which(host: Host, places: Places) -> Manager:
    """Who it is: systemd where it is the first process (sd_booted(3)), else init scripts if there are any."""
    for manager, directories in ((Manager.SYSTEMD, places.systemd_runs), (Manager.SYSV, places.init)):
        if manager is Manager.SYSV and not host.can("service"):
            continue
        for directory in directories:
            try:
                await host.names(directory)
            except HostError:
                continue
            return manager
    return Manager.NONE


def _files(name: str) -> set[str]:
    """The files that make a unit known; ``clamd@scan`` is one of ``clamd@.service``."""
    template, at, _ = name.partition("@")
    return {f"{name}.service", *([f"{template}@.service"] if at else [])}


async def _there(host: Host, directories: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for names in await asyncio.gather(*map(host.names, directories), return_exceptions=True):
        if isinstance(names, HostError):
            continue  # not every distribution has all of them
        if isinstance(names, BaseException):
            raise names
        found.update(names)
    return found
