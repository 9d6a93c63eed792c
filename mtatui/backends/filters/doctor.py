"""Which filters are on a server: program, version, where they are configured, whether they run; and for what
is not there the package that has it. Calm throughout: a server without a filter is no broken server.

Sources: the packages of Debian 12, Fedora and openSUSE.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtatui.backends.filters.places import Places
from mtatui.backends.host import Host, HostError, Missing
from mtatui.backends.postfix.doctor import Finding, Level
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.services import Service

#: Seconds that a program may take to say which version it is: SpamAssassin's is a large one.
PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Program:
    """A filter, as it may be installed."""

    name: str
    service: str
    """What `mtatui services` calls it; "" for one that is no service."""
    commands: tuple[tuple[str, ...], ...]
    """What makes it tell its version; the first that is there counts."""
    version: re.Pattern[str]
    places: str
    """The field of `Places` that says where it is configured."""
    lacking: str
    """What it means that it is not there, and what to install."""
    idle: str = ""
    """What to do where it is there and Postfix does not ask for it."""


PROGRAMS = (
    Program(
        "amavis", "amavis", (("amavisd", "-V"), ("amavisd-new", "-V")), re.compile(r"amavis\S*?-([\d.]+\d)"),
        "amavis",
        "Nothing asks scanners about mail. Debian: apt install amavisd-new (Fedora: amavis).",
        "Its README.postfix says how Postfix hands it mail: by a transport that content_filter names.",
    ),
    Program(
        "SpamAssassin", "spamd", (("spamassassin", "-V"),), re.compile(r"version ([\d.]+\d)"), "spamassassin",
        "Nothing scores mail. Debian: apt install spamassassin; amavis runs it within itself.",
        "Let amavis run it (content_filter), or ask its daemon: apt install spamd.",
    ),
    Program(
        "clamd", "clamd", (("clamd", "--version"),), re.compile(r"ClamAV ([\d.]+\d)"), "clamd",
        "Nothing looks for viruses. Debian: apt install clamav-daemon (Fedora: clamd; openSUSE: clamav).",
    ),
    Program(
        "freshclam", "freshclam", (("freshclam", "--version"),), re.compile(r"ClamAV ([\d.]+\d)"),
        "freshclam",
        "Nothing fetches virus signatures. Debian: apt install clamav-freshclam (elsewhere: clamav).",
    ),
    Program(
        "OpenDKIM", "opendkim", (("opendkim", "-V"),), re.compile(r"OpenDKIM Filter v([\d.]+\d)"), "opendkim",
        "Nothing signs mail. Debian: apt install opendkim opendkim-tools.",
    ),
)  # fmt: skip


async def examine(host: Host, places: Places, services: Iterable[Service]) -> list[Finding]:
    """One finding about each filter.

    Args:
        services: as `Services.look` has just seen them.
    """
    seen = {service.id: service for service in services}
    return list(await asyncio.gather(*(_examine(host, places, program, seen) for program in PROGRAMS)))


async def _examine(host: Host, places: Places, program: Program, seen: Mapping[str, Service]) -> Finding:
    try:
        version = await _version(host, program)
        if version is None:
            return Finding("filters", Level.NOTE, f"{program.name} is not installed", program.lacking)
        paths: tuple[str, ...] = getattr(places, program.places)
        files = await host.files(paths, contents=False)
    except HostError as error:
        return Finding("filters", Level.NOTE, f"{program.name}: {error}")
    where = next((path for path in paths if not isinstance(files[path], Missing)), "")
    told = [f"{program.name} {version}".strip(), where or "no configuration of it is known"]
    service = seen.get(program.service)
    if service is None and program.service == "spamd" and "amavis" in seen:
        return Finding("filters", Level.OK, ", ".join([*told, "within amavis"]))
    if service is None or not service.configured:
        told.append("Postfix does not ask for it")
        advice = program.idle if service is None else service.advice if where else ""
        return Finding("filters", Level.NOTE, ", ".join(told), advice)
    if service.well:
        return Finding("filters", Level.OK, ", ".join([*told, "answers" if service.answering else "runs"]))
    # What is wrong with it, and what to do, is told with the services.
    return Finding("filters", Level.WARNING, ", ".join([*told, service.said]))


async def _version(host: Host, program: Program) -> str | None:
    """Its version, "" where it does not say; None where there is no such program."""
    for command in program.commands:
        try:
            ran = await host.run(command, timeout=PATIENCE)
        except Missing:
            continue
        said = ran.stdout.decode("utf-8", "replace") + ran.stderr.decode("utf-8", "replace")
        found = program.version.search(said)
        return clean(found[1]) if found else ""
    return None
