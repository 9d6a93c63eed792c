"""Looking at one server from the ground up: can it be reached, is there a Postfix, may we, what is there.

Every gap says what to do about it. Nothing is changed there, and whatever cannot be looked at is a finding by
itself; what needs something that is not there is left out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError, Missing, NotPermitted
from mtatui.backends.postfix.doctor import Finding, Level, examine
from mtatui.text import clean, count

if TYPE_CHECKING:
    from mtatui.server import Server

__all__ = ["Finding", "Level", "check"]

#: Seconds for a round trip from which on every look is felt.
SLOW = 0.3
#: What has to be run as root.
AS_ROOT = ("postsuper", "postcat", "python3")


async def check(server: Server, tell: Callable[[Finding], None] = lambda finding: None) -> list[Finding]:
    """Look at a server; the findings, in the order of what rests on what.

    Args:
        tell: called with each as soon as it is found.
    """
    findings: list[Finding] = []

    def found(*more: Finding) -> bool:
        """Take in findings; whether it is worth going on."""
        for finding in more:
            findings.append(finding)
            tell(finding)
        return all(finding.level is not Level.BAD for finding in more)

    if not found(*await _guarded("reach", lambda: _reach(server))):
        return findings
    limits = server.host.limits
    if limits:
        advice = "Install python3 there: nothing else of ours is needed."
        found(Finding("limits", Level.WARNING, limits, advice if "Python" in limits else ""))
    if not found(*await _guarded("postfix", lambda: _postfix(server))):
        return findings
    sudo, lacking = await _sudo(server)
    found(*sudo)
    found(*await _guarded("postfix", lambda: _examined(server, not lacking)))
    if "python3" in lacking:
        return findings
    found(*await _guarded("queue", lambda: _queue(server)))
    if not limits:
        found(*await _guarded("filters", lambda: _filters(server)))
    return findings


async def _guarded(name: str, look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        return await look()
    except NotPermitted as error:
        return [Finding(name, Level.WARNING, str(error))]
    except HostError as error:
        return [Finding(name, Level.BAD, str(error))]


async def _reach(server: Server) -> list[Finding]:
    """Whether it can be reached, how long that takes, and every look afterwards."""
    started = time.monotonic()
    await server.host.run(["true"])
    opened = time.monotonic()
    await server.host.run(["true"])
    trip = time.monotonic() - opened
    if not server.far:
        return [Finding("reach", Level.OK, "this machine")]
    words = f"reached in {opened - started:.1f} s; a round trip takes {trip * 1000:.0f} ms"
    if trip < SLOW:
        return [Finding("reach", Level.OK, words)]
    return [
        Finding("reach", Level.NOTE, words, "Looks and verbs take a few of them each: it will feel slow.")
    ]


async def _postfix(server: Server) -> list[Finding]:
    facts = await server.reached()
    where = f"{facts.config_directory}, {facts.queue_directory}"
    found = [Finding("postfix", Level.OK, f"Postfix {facts.version} of {facts.hostname} ({where})")]
    if facts.release < (3, 5):
        found.append(
            Finding("bounce", Level.NOTE, "returning messages with their reason needs Postfix 3.5 or newer")
        )
    if facts.several and server.config_directory is None and server.far:
        from mtatui.fleet.instances import instances

        others = (await asyncio.to_thread(instances, server))[1:]
        words = ", ".join(f"{one.name} ({one.config_directory})" for one in others)
        advice = "Each can be a server of its own, on the same host with its config_directory."
        found.append(
            Finding("instances", Level.NOTE, f"more instances of Postfix are there: {words}", advice)
        )
    return found


async def _examined(server: Server, well: bool) -> list[Finding]:
    """The checks of one's own server; ``well``: what is said of its rights holds."""
    facts = await server.reached()
    found = [finding async for finding in examine(server.host, server.tools, facts.queue_directory)]
    return [finding for finding in found if well or finding.check not in ("rights", "python")]


async def _sudo(server: Server) -> tuple[list[Finding], Sequence[str]]:
    """What sudo lets us do there, where everything rests on it; and the commands that it does not."""

    async def allowed(command: str) -> bool:
        done = await server.host.run(["sudo", "-n", "-l", "--", command], note="may we?")
        return done.returncode == 0

    if not server.host.superuser:
        return [], ()
    try:
        who = (await server.host.run(["id", "-u"])).stdout.strip()
        if who == b"0":
            return [], ()
        may = await asyncio.gather(*map(allowed, AS_ROOT))
    except Missing:
        words = "there is no sudo, and this user is not root"
        advice = "Install sudo there; or log in as root, without sudo = true in the config file."
        return [Finding("sudo", Level.BAD, words, advice)], AS_ROOT
    except HostError as error:
        return [Finding("sudo", Level.BAD, str(error))], AS_ROOT
    lacking = [command for command, well in zip(AS_ROOT, may, strict=True) if not well]
    if not lacking:
        return [Finding("sudo", Level.OK, f"may run {', '.join(AS_ROOT)} as root")], ()
    words = f"sudo does not let this user run {', '.join(lacking)} without a password"
    lines = dict.fromkeys(line for one in lacking for line in server.host.refusal([one]).splitlines()[1:])
    advice = "\n".join(("For root to add there with visudo:", *lines))
    return [Finding("sudo", Level.BAD, words, advice)], lacking


async def _queue(server: Server) -> list[Finding]:
    """Whether the queue can be read, and how long that takes."""
    from mtatui.queue.delta import Done
    from mtatui.queue.message import State

    def look() -> tuple[int, float, str]:
        started = time.monotonic()
        feed = server.feed()
        try:
            done = next(delta for delta in feed.scan() if isinstance(delta, Done))
        finally:
            feed.close()
        number = sum(number for state, number in done.counts.items() if state is not State.TRASH)
        return number, time.monotonic() - started, feed.limits

    number, took, limits = await asyncio.to_thread(look)
    how = limits or "read from the spool: everything is known"
    level = Level.NOTE if limits else Level.OK
    return [Finding("queue", level, f"{count(number)} messages in {took:.1f} s; {how}")]


async def _filters(server: Server) -> list[Finding]:
    found = [one for one in await server.services.look() if one.configured and one.id != "postfix"]
    if not found:
        return [Finding("filters", Level.NOTE, "Postfix asks no filters about mail")]
    findings = []
    if well := ", ".join(one.id for one in found if one.well):
        findings.append(Finding("filters", Level.OK, f"as they should be: {well}"))
    return findings + [
        Finding("filters", Level.WARNING, f"{one.id}: {clean(one.said)}", one.advice)
        for one in found
        if not one.well
    ]
