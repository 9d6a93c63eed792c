"""``mtatui doctor``: what mtatui finds on a server, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL, Misused
from mtatui.cli.options import Options
from mtatui.cli.session import gathered, wait_for
from mtatui.text import count, size, wrap

if TYPE_CHECKING:
    from mtatui.backends.postfix.doctor import Finding
    from mtatui.server import Server

#: Seconds by which a message may seem to come from the future.
CLOCK_SLACK = 60
_MARKS = {"ok": "✓", "note": "·", "warning": "!", "bad": "✖"}


@click.command()
@click.option("--probe", "sends", is_flag=True, help="Send six messages through the whole chain, and look.")
@click.option("--to", metavar="ADDRESS", default="", help="Where the probe goes; else nobody gets it.")
@click.option("--yes", is_flag=True, help="Do not ask before the probe is sent.")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def doctor(options: Options, sends: bool, to: str, yes: bool, json: bool) -> int:
    """Look at the server, and say what to do about what is found.

    Exit code 0: nothing is wrong; 1: something is; 4: there is no Postfix to look at.

    With --probe a clean message, a test virus, test spam, a blocked attachment, a signed and a forged
    message are sent through the listener, and what happens to each is shown against what the settings
    promise. It says what it will do, and asks first. Exit code 0: mail goes through, and no promise was
    broken as far as can be told; 1: one was, or not all could be sent; 3: refused; 4: the listener cannot be
    reached.
    """
    if sends:
        from mtatui.cli.probing import probe

        return probe(options, to, yes, json)
    if to:
        raise Misused("--to says where a probe goes: mtatui doctor --probe --to ADDRESS")
    with gathered(options) as them:
        if not them.many:
            report = _examined(them.servers[0], _silent if json else show)
            if json:
                output.put_json(report.as_json())
            return report.code
        reports = them.side_by_side(lambda server: _examined(server, _silent))
        for report in () if json else reports.values():
            output.put(report.server)
            for finding in report.findings:
                show(finding)
        if json:
            output.put_json(them.document([report.as_json() for report in reports.values()]))
        # Of those that cannot be looked at: 4 where none can, else 1.
        codes = [report.code for report in reports.values()]
        return min(codes) if all(code > NOT_ALL for code in codes) else min(max(codes), NOT_ALL)


class Report(NamedTuple):
    """What was found on one server, and the exit code that this makes."""

    server: str
    findings: list[Finding]
    code: int

    def as_json(self) -> dict[str, Any]:
        """As an object (a contract)."""
        return {"server": self.server, "findings": findings_as_json(self.findings)}


def findings_as_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as objects (a contract)."""
    return [{"check": f.check, "level": f.level, "found": f.found, "advice": f.advice} for f in findings]


def _silent(finding: Finding) -> None:
    """It is told later."""


def _examined(server: Server, tell: Callable[[Finding], None]) -> Report:
    """Look at one server, and tell each finding as it comes."""
    from mtatui.backends.host import HostError
    from mtatui.backends.postfix.doctor import Finding, Level

    findings: list[Finding] = []
    code = DONE
    try:
        for finding in _findings(server):
            findings.append(finding)
            tell(finding)
    except HostError as error:
        findings.append(Finding("postfix", Level.BAD, str(error)))
        code = error.exit_code
        tell(findings[-1])
    bad = any(finding.level is Level.BAD for finding in findings)
    return Report(server.name, findings, code or (NOT_ALL if bad else DONE))


def show(finding: Finding) -> None:
    """A finding for people, with what to do about it."""
    room = output.width() - 13
    first, *more = wrap(finding.found, room)
    output.put(f"{_MARKS[finding.level]} {finding.check:9}  {first}")
    # Lines to be copied into a file stay whole.
    advice = finding.advice.split("\n") if "\n" in finding.advice else wrap(finding.advice, room - 2)
    for line in more + [f"→ {line}" for line in advice if line]:
        output.put(f"{'':13}{line}")


def _findings(server: Server) -> Iterator[Finding]:
    """All findings: about Postfix, the server it runs on, the queue, and what mtatui keeps there."""
    from mtatui.backends.postfix.doctor import Finding, Level, examine

    facts = server.facts
    yield Finding(
        "postfix",
        Level.OK,
        f"Postfix {facts.version} of {facts.hostname} ({facts.config_directory}, {facts.queue_directory})",
    )
    if facts.release < (3, 5):
        yield Finding("bounce", Level.NOTE, "returning messages with their reason needs Postfix 3.5 or newer")

    limits = server.host.limits
    if limits:
        advice = "Install python3 there: nothing else of ours is needed."
        yield Finding("limits", Level.WARNING, limits, advice)

    async def examined() -> list[Finding]:
        return [finding async for finding in examine(server.host, server.tools, facts.queue_directory)]

    yield from wait_for(examined())
    if not limits:
        yield from _of_services(server)
    yield from _of_the_queue(server)
    if server.host.superuser:
        yield from _of_our_own(server)
    elif server.far and not limits:
        yield from _far_away(server)
    elif not server.far:
        yield from _by_sudo(server)


def _of_the_queue(server: Server) -> Iterator[Finding]:
    from mtatui.backends.host import HostError
    from mtatui.backends.postfix.doctor import Finding, Level
    from mtatui.queue.query import parse

    began = time.monotonic()
    try:
        server.scan()
    except HostError as error:
        yield Finding("queue", Level.BAD, str(error))
        return
    took = time.monotonic() - began
    counts = server.part.counts()
    number = count(sum(n for state, n in counts.items() if state != "trash"))
    limits = server.feed().limits
    how = limits or "read from the spool: everything is known"
    yield Finding("queue", Level.NOTE if limits else Level.OK, f"{number} messages in {took:.1f} s, {how}")
    corrupt = next((n for state, n in counts.items() if state == "corrupt"), 0)
    if corrupt:
        yield Finding(
            "corrupt",
            Level.WARNING,
            f"{count(corrupt)} that Postfix could not read",
            "Look at them: mtatui queue list --state corrupt. Bad memory or a full disk may be behind it.",
        )
    for problem in server.part.problems[:3]:
        yield Finding("queue", Level.WARNING, f"{problem.path}: {problem.text}".removeprefix(": "))
    slack = int(time.time()) + CLOCK_SLACK
    future_mail = parse("age<0s")
    if server.part_name:
        future_mail = future_mail.narrowed("server", server.part_name)
    if future := server.index.total(future_mail, slack):
        yield Finding(
            "clock",
            Level.WARNING,
            f"{count(future)} messages have arrived in the future",
            "The clock was set back. Their ages and retries mislead until it has caught up.",
        )


def _of_services(server: Server) -> Iterator[Finding]:
    from mtatui.backends.filters import doctor as filters
    from mtatui.backends.filters.places import Places
    from mtatui.backends.host import HostError, NotPermitted
    from mtatui.backends.postfix.doctor import Finding, Level

    try:
        found = wait_for(server.services.look())
    except HostError as error:
        yield Finding("services", Level.NOTE if isinstance(error, NotPermitted) else Level.BAD, str(error))
        return
    others = [service for service in found if service.configured and service.id != "postfix"]
    if well := ", ".join(service.id for service in others if service.well):
        yield Finding("services", Level.OK, f"as they should be: {well}")
    for service in others:
        if not service.well:
            yield Finding("services", Level.BAD, f"{service.id}: {service.said}", service.advice)
    if missing := ", ".join(service.role for service in found if not service.configured):
        yield Finding(
            "services", Level.NOTE, f"not configured: {missing}", "mtatui services says what each takes."
        )
    places = server.filter_places or Places()
    yield from wait_for(filters.examine(server.host, places, found))


def _of_our_own(server: Server) -> Iterator[Finding]:
    """The trash and the journal, which are root's."""
    from mtatui.backends.host import HostError
    from mtatui.backends.postfix.doctor import Finding, Level

    try:
        number, octets, _ = wait_for(server.actor.trash.contents(0))
        interrupted = server.journal.unfinished()
    except HostError as error:
        yield Finding("trash", Level.BAD, str(error))
        return
    kept = f"kept for {server.keep_days} days and up to {size(server.keep_bytes)}"
    yield Finding("trash", Level.OK, f"{count(number)} messages, {size(octets)}; {kept}")
    if interrupted:
        names = ", ".join(entry.id for entry in interrupted[:5])
        yield Finding(
            "journal",
            Level.WARNING,
            f"{count(len(interrupted))} acts were interrupted: {names}",
            "mtatui history list finds out what came of them, mtatui history show tells it in full.",
        )
    else:
        yield Finding("journal", Level.OK, "nothing was left half done")


def _far_away(server: Server) -> Iterator[Finding]:
    """What it takes to do everything on a server that ssh reaches, and on which we are not root."""
    from mtatui.backends.postfix.doctor import Finding, Level

    user = wait_for(server.host.run(["id", "-un"])).stdout.decode("utf-8", "replace").strip()
    may = f"{user} ALL=(root) NOPASSWD: /usr/sbin"
    yield Finding(
        "root",
        Level.NOTE,
        "logging in as root allows everything; so do these lines in sudoers there (visudo), with sudo = true "
        "for this server in mtatui's config file. Who may run Python as root is no less than root",
        f"{may}/postsuper, /usr/sbin/postcat, /usr/bin/python3\n{may}/postfix, /usr/bin/systemctl",
    )


def _by_sudo(server: Server) -> Iterator[Finding]:
    """The sudoers lines with which an ordinary user could do everything here."""
    from mtatui.backends import applying, peek, probing, services, verdicts
    from mtatui.backends.filters import databases
    from mtatui.backends.host_sudo import sudoers
    from mtatui.backends.journal import user
    from mtatui.backends.postfix.doctor import Finding, Level

    hands = server.actor.hands.argv
    reader = [word for word in hands if word not in ("--hands", "--look")]
    hands = [*reader[:4], "--hands", *reader[4:]]
    lines = sudoers(user(), [["postsuper"], ["postcat"], reader, hands])
    yield Finding(
        "sudo",
        Level.NOTE,
        "with these lines in sudoers (visudo), and sudo = true for this server in mtatui's config file, this "
        "user can do all that root can to the queue; their program must lie where only root can write",
        "\n".join(lines),
    )
    yield Finding(
        "services",
        Level.NOTE,
        "with this line, too, this user sees which services run and answer",
        "\n".join(sudoers(user(), [services.argv()])),
    )
    changing = applying.argv(server.facts.queue_directory)
    yield Finding(
        "settings",
        Level.NOTE,
        "with these lines, too, this user can change settings; whoever has them is as good as root",
        "\n".join(sudoers(user(), [changing, [*changing[:-2], peek.__file__]])),
    )
    yield Finding(
        "probe",
        Level.NOTE,
        "with this line, too, this user can send a probe through the whole chain",
        "\n".join(sudoers(user(), [probing.argv()])),
    )
    yield Finding(
        "verdicts",
        Level.NOTE,
        "with this line, too, this user can have messages judged by clamd and SpamAssassin",
        "\n".join(sudoers(user(), [verdicts.argv()])),
    )
    yield Finding(
        "signatures",
        Level.NOTE,
        "with this line, too, this user can have new signatures fetched; whoever has it is as good as root",
        "\n".join(sudoers(user(), [databases.update_argv()])),
    )
