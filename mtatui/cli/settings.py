"""``mtatui settings …``: what is set, setting it, profiles, drift, and what the lint has to say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import changing, output, settings_many
from mtatui.cli.assignments import parse, resolve
from mtatui.cli.guard import DONE, NOT_ALL, Misused, Refused
from mtatui.cli.options import Options
from mtatui.cli.session import gathered, opened, wait_for
from mtatui.cli.settings_show import detail, findings_as_json, list_settings, reading_as_json, told_finding
from mtatui.settings import kinds, profile
from mtatui.settings.catalogue import ALL, PAGES, complete
from mtatui.text import clean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from mtatui.backends.postfix.dnsbl import ZoneTest
    from mtatui.server import Server
    from mtatui.settings.current import Reading
    from mtatui.settings.setting import Setting

    Wanted = Callable[[Reading], Mapping[str, Any]]


@click.group()
def settings() -> None:
    """What is set, and setting it: planned, checked, applied, probed, and rolled back if it is not well.

    Every setting has a KEY (docs/settings.md), such as inbound.smtpd_helo_required.
    """


@settings.command()
@click.argument("name", metavar="[PAGE|KEY]", default="")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def show(options: Options, name: str, json: bool) -> int:
    """Show what is set: everything, a page, or one setting with all there is to know about it.

    Of several servers: what each has, and where they differ.
    """
    chosen = _chosen(name)
    with _servers(options) as servers:
        if len(servers) > 1:
            from mtatui.cli import settings_compared

            return settings_compared.show(servers, chosen, json=json)
        reading = _read(servers[0], (setting.key for setting in chosen))
        if json:
            output.put_json(reading_as_json(reading, chosen))
        elif name in ALL:
            for line in detail(ALL[name], reading):
                output.put(line)
        else:
            list_settings(reading, chosen)
        return DONE


def _completed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in complete(incomplete)]


@settings.command("set")
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE…", shell_complete=_completed)
@changing.options
@settings_many.options
@click.pass_obj
def set_(options: Options, /, words: tuple[str, ...], **how: Any) -> int:
    """Set one or more settings, all in one plan.

    To a list, KEY+=VALUE adds and KEY-=VALUE takes away. A restriction is off, trial or enforce.
    The password of outbound.relay_login=USER is asked for, or read from standard input (USER:-).
    """
    assignments = parse(words)
    keys = [assignment.setting.key for assignment in assignments]
    return _change(options, keys, lambda reading: resolve(assignments, reading), **how)


@settings.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY…")
@changing.options
@settings_many.options
@click.pass_obj
def default(options: Options, /, keys: tuple[str, ...], **how: Any) -> int:
    """Set settings to the values that are Postfix's own defaults."""
    if unknown := [profile.unknown(key) for key in keys if key not in ALL]:
        raise Misused("\n".join(unknown))
    return _change(options, keys, lambda reading: {key: reading.current[key].default for key in keys}, **how)


@settings.command()
@click.argument("page", metavar="[PAGE]", default="")
@click.pass_obj
def export(options: Options, page: str) -> None:
    """Print the settings as a profile (TOML), for `settings apply` and `settings diff`.

    What is Postfix's default stands commented out. Passwords are left out.
    """
    if page and page not in PAGES:
        raise Misused(f"there is no page {page!r}; there are: {', '.join(PAGES)}")
    with opened(options) as server:
        pages = [page] if page else list(PAGES)
        keys = (setting.key for name in pages for setting in PAGES[name].settings)
        output.put(profile.write(_read(server, keys), pages).rstrip("\n"))


@settings.command()
@click.argument("file", metavar="FILE")
@changing.options
@settings_many.options
@click.pass_obj
def apply(options: Options, /, file: str, **how: Any) -> int:
    """Set all that a profile says (- reads it from standard input). What it does not say stays as it is.

    Over several servers (mtatui --server all …) every plan is made and agreed to before anything is touched;
    then one server comes first, alone, and the others in waves, as long as every server is well.
    """
    wanted = _profile(file)
    return _change(options, wanted, lambda _: wanted, **how)


@settings.command()
@click.argument("file", metavar="PROFILE")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def diff(options: Options, file: str, json: bool) -> int:
    """Compare with a profile: exit code 0 where all is as it says, 1 where something differs.

    4 where a server could not be compared.
    """
    from mtatui.cli import drifting

    wanted = _profile(file)
    with _servers(options) as servers:
        return drifting.compare(servers, wanted, json=json)


@settings.command()
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def lint(options: Options, json: bool) -> int:
    """Say what is wrong with the configuration as it works now: exit code 1 where something is grave."""
    with _servers(options) as servers:
        if len(servers) > 1:
            from mtatui.cli import settings_compared

            return settings_compared.lint(servers, json=json)
        reading = _read(servers[0], ALL)
        if json:
            output.put_json({"server": reading.server, "findings": findings_as_json(reading.findings)})
        for finding in () if json else reading.findings:
            output.put(told_finding(finding))
        grave = sum(finding.grave for finding in reading.findings)
        output.say(f"{len(reading.findings)} found, {grave} grave" if reading.findings else "Nothing found.")
        return NOT_ALL if grave else DONE


@settings.command()
@click.argument("zones", nargs=-1, metavar="[ZONE…]")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def test(options: Options, zones: tuple[str, ...], json: bool) -> int:
    """Ask DNS block lists, through the server's resolver, whether they work; without ZONE all that are set.

    A list that works has 127.0.0.2 and not 127.0.0.1. Exit code 1 where one does not.
    """
    with opened(options) as server:
        chosen = _zones(zones) if zones else _zones_in_use(wait_for(server.configuration.read(filters=False)))
        tested = wait_for(_tested(server, chosen))
        if json:
            output.put_json([{"zone": zone.zone, "ok": zone.ok, "text": zone.text} for zone in tested])
        for zone in () if json else tested:
            output.put(clean(f"{'✓' if zone.ok else '✗'} {zone.zone}  {zone.text}"))
        if not chosen:
            output.say("No block list is set.")
        return DONE if all(zone.ok for zone in tested) else NOT_ALL


def _zones(words: Iterable[str]) -> list[str]:
    try:
        return [zone.zone for word in words for zone in kinds.Zones().parse(word)]
    except kinds.Refused as error:
        raise Misused(str(error)) from error


def _zones_in_use(reading: Reading) -> list[str]:
    lists = (reading.of(s).value for s in ALL.values() if isinstance(s.kind, kinds.Zones))
    return list(dict.fromkeys(zone.zone for zones in lists for zone in zones))


async def _tested(server: Server, zones: Iterable[str]) -> list[ZoneTest]:
    import asyncio

    return list(await asyncio.gather(*map(server.configuration.test_zone, zones)))


def _change(
    options: Options, keys: Iterable[str], wanted: Wanted, *, leave_out: str, canary: str, **how: Any
) -> int:
    """Read, plan, and go on as `changing.change` does; over several servers as `settings_many.change`."""
    with _servers(options, changes=True) as servers:
        chosen = settings_many.left(servers, leave_out, canary)
        if len(servers) > 1:
            return settings_many.change(chosen, keys, wanted, canary=canary, **how)
        return _change_one(chosen[0], keys, wanted, **how)


def _change_one(
    server: Server,
    keys: Iterable[str],
    wanted: Wanted,
    *,
    dry_run: bool,
    wave: int,
    roll_back: str,
    **how: Any,
) -> int:
    """Who may change nothing may still look at a plan."""
    if not dry_run:
        changing.permitted(server)
        changing.settle(server)
    reading = _read(server, keys)
    try:
        plan = server.configuration.plan(reading, wanted(reading))
    except kinds.Refused as error:
        raise Refused(f"That cannot be applied: {error}") from error
    return changing.change(server, plan, dry_run=dry_run, **how)


@contextmanager
def _servers(options: Options, *, changes: bool = False) -> Iterator[list[Server]]:
    """The servers that are meant."""
    with gathered(options, changes="Settings would be changed" if changes else "") as them:
        yield them.servers


def _read(server: Server, keys: Iterable[str]) -> Reading:
    """The settings as they are, those of the filters only if one of the keys is: that takes longer. What must
    be known beside them is said."""
    filters = any(ALL[key].filters for key in keys)
    reading = wait_for(server.configuration.read(filters=filters, ask_history=True))
    if reading.changed_outside:
        output.say(
            f"Changed by hand since the last entry of the history: {', '.join(reading.changed_outside)}"
        )
    return reading


def _chosen(name: str) -> list[Setting]:
    if not name:
        return list(ALL.values())
    if name in PAGES:
        return list(PAGES[name].settings)
    if name in ALL:
        return [ALL[name]]
    raise Misused(f"{profile.unknown(name)}. The pages are: {', '.join(PAGES)}")


def _profile(file: str) -> Mapping[str, Any]:
    """What a profile says.

    Raises:
        Misused: it cannot be read, or there are mistakes in it; all are told.
    """
    try:
        if file == "-":
            data = sys.stdin.buffer.read(profile.LARGEST + 1)
        else:
            with open(file, "rb") as source:
                data = source.read(profile.LARGEST + 1)
        return profile.read(data.decode("utf-8"))
    except OSError as error:
        raise Misused(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Misused(f"{file} is no TOML: it is not in UTF-8") from error
    except profile.Mistakes as error:
        raise Misused("\n".join(f"{file}: {line}" for line in error.lines)) from error
