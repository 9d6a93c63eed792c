"""freshclam, which fetches signatures: from where, how often, and which of one's own there are.

Sources: freshclam(1), freshclam.conf(5), clamscan(1); how it really behaves was tried with 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from mtatui.backends.filters import schedule
from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.manager import Unit
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Files, Filters, Written, first
from mtatui.backends.host import File, Host, HostError
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.settings.current import Finding
from mtatui.settings.kinds_filters import Signatures
from mtatui.settings.plan import Care, Command

DATABASES = "/var/lib/clamav"
#: ClamAV's own databases; everything else in their directory is somebody's own.
OFFICIAL = ("main", "daily", "bytecode", "safebrowsing")
#: freshclam's own defaults (freshclam.conf(5)).
CHECKS, UNIT = 12, "clamav-freshclam"
#: Bytes of a file of one's own that is read with the rest. Some have hundreds of megabytes.
SMALL = 256 * 1024
#: Seconds that a check of the configuration may take: no signature is loaded for it.
_QUICK = 20.0


@dataclass(frozen=True)
class Freshclam:
    """freshclam as it is configured, or would be."""

    path: str
    conf: Conf
    trouble: str = ""
    """Why it cannot be read, in words."""
    own: tuple[str, ...] = ()
    """Files of signatures in the database directory that neither ClamAV nor a URL has brought."""
    timing: Mapping[str, Written] = field(default_factory=dict)
    """The files of a schedule of ours, by path."""
    was_scheduled: bool = False
    """A schedule of ours was in force when it was read."""
    cron: bool = False
    """There is a cron that could run it."""

    @property
    def databases(self) -> str:
        """Where signatures are."""
        return self.conf.get("DatabaseDirectory") or DATABASES

    @property
    def owner(self) -> str:
        """Whose the files there are."""
        return self.conf.get("DatabaseOwner") or "clamav"

    @property
    def mirrors(self) -> tuple[str, ...]:
        """Where they come from."""
        return self.conf.all("DatabaseMirror")

    @property
    def urls(self) -> tuple[str, ...]:
        """Where one's own come from."""
        return self.conf.all("DatabaseCustomURL")

    @property
    def scheduled(self) -> int:
        """Seconds between two runs of a schedule of ours; 0 where there is none."""
        return schedule.every(written.data for written in self.timing.values())

    @property
    def every(self) -> int:
        """Seconds between two looks for updates, whoever takes care of that."""
        if self.scheduled:
            return self.scheduled
        said = self.conf.get("Checks") or ""
        checks = int(said) if said.isascii() and said.isdigit() else CHECKS
        return schedule.DAY // checks if checks else 0

    def set_all(self, name: str, values: tuple[str, ...]) -> Freshclam:
        """Have something said so many times."""
        return replace(self, conf=self.conf.set_all(name, values))

    def file(self, name: str) -> str:
        """The path of a file in the database directory."""
        return f"{self.databases}/{name}"

    # -- as a component ----------------------------------------------------------------------------------

    def written(self) -> Mapping[str, Written]:
        """Its own file, and those of a schedule of ours."""
        own = {} if self.trouble else {self.path: Written(self.conf.data)}
        return {**own, **self.timing}

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterator[Care]:
        """It is restarted, for it reads its file only when it starts; or the schedule takes its place."""
        unit = filters.units.get("freshclam")
        ours = schedule.paths(filters.places, unit_name(filters.units)).values()
        timed = any(path in edited for path in ours)
        if self.path not in edited and not timed:
            return
        checks: tuple[Command, ...] = ()
        if edited.get(self.path) is not None:
            argv = ("freshclam", f"--config-file={{file:{self.path}}}", "--version")
            checks = (Command(argv, timeout=_QUICK, refuses=r"^ERROR"),)
        if unit is None:
            words = "Restart freshclam: nobody here knows how it was started."
            yield Care("freshclam", checks=checks, words=words)
        elif timed:
            there = {**{path: written.data for path, written in self.timing.items()}, **edited}
            by_us = bool(schedule.every(there.get(path) for path in ours))
            back = schedule.take(unit, ours=self.was_scheduled)
            yield Care("freshclam", checks=checks, take=schedule.take(unit, ours=by_us), back=back)
        elif self.scheduled:
            yield Care("freshclam", checks=checks)  # each run reads it
        else:
            yield Care("freshclam", checks=checks, running=unit.running, take=(unit.command("restart"),))

    def findings(self, reading: PostfixReading) -> Iterator[Finding]:
        """What is wrong with how signatures come."""
        if self.trouble:
            return
        if self.conf.get("Example") is not None:
            yield Finding(
                "freshclam-example",
                f"freshclam does nothing as long as the line Example stands in {self.path}: take it out.",
                where=f"{self.path}, line {self.conf.line('Example')}",
            )
        if not self.mirrors and not self.conf.all("PrivateMirror"):
            yield Finding(
                "freshclam-no-mirror",
                "No signatures are fetched: freshclam has no mirror, and does not run without one.",
                setting="filtering.database_mirrors",
                where=self.path,
            )
        if 0 < self.every < 3600 and public(self.mirrors):
            yield Finding(
                "freshclam-too-often",
                "Public mirrors block whoever asks more often than once an hour, for a day: signatures grow "
                "old.",
                setting="filtering.update_frequency",
            )


def public(mirrors: tuple[str, ...]) -> bool:
    """Whether ClamAV's own servers are among them, which count how often they are asked."""
    return any("clamav.net" in mirror.lower() for mirror in mirrors)


def unit_name(units: Mapping[str, Unit]) -> str:
    """What the daemon is called by who manages it."""
    return units["freshclam"].name if "freshclam" in units else UNIT


async def read(host: Host, places: Places, files: Files) -> Freshclam | None:
    """freshclam as it is configured; None where it is not there.

    Raises:
        HostError: the server does not answer.
    """
    found = first(places.freshclam, files)
    if found is None:
        return None
    path, file = found
    if not isinstance(file, File):
        return Freshclam(path, Conf(""), trouble=str(file))
    freshclam = Freshclam(path, Conf.parse(file.data))
    names = {path for unit in (UNIT, "freshclam") for path in schedule.paths(places, unit).values()}
    files.update(await host.files(names))
    timing = {path: Written(what.data) for path in names if isinstance(what := files[path], File)}
    own = await _own(host, freshclam)
    files.update(await _small(host, [freshclam.file(name) for name in own]))
    found_ours = replace(freshclam, own=own, timing=timing, cron=host.can("cron") or host.can("crond"))
    return replace(found_ours, was_scheduled=bool(found_ours.scheduled))


async def _own(host: Host, freshclam: Freshclam) -> tuple[str, ...]:
    try:
        names = await host.names(freshclam.databases)
    except HostError:  # it may not be looked at, or is not there yet: what is in it is not known
        return ()
    brought = {url.rpartition("/")[2] for url in freshclam.urls}
    found = [
        name
        for name in sorted(names)
        if name.rpartition(".")[2] in Signatures.endings
        and name.partition(".")[0] not in OFFICIAL
        and name not in brought
    ]
    return tuple(found)


async def _small(host: Host, paths: list[str]) -> Files:
    """Those of some files that can be read each time; the others are read when they are wanted."""
    seen = await host.files(paths, contents=False)
    small = [path for path, file in seen.items() if not isinstance(file, File) or file.tag.size <= SMALL]
    return await host.files(small)
