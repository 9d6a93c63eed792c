"""``mtatui dkim``: who signs what, whether the DNS has it, new keys and selectors, and no longer signing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mtatui.cli import changing, output
from mtatui.cli.guard import DONE, NOT_ALL, Refused
from mtatui.cli.options import Options
from mtatui.cli.output import Column
from mtatui.cli.session import opened, wait_for

if TYPE_CHECKING:
    from mtatui.backends.dkim.listing import Identity, Listing
    from mtatui.backends.dkim.work import Offer, Record
    from mtatui.server import Server

T = TypeVar("T")

_COLUMNS = (
    Column("Domain", 12, 40),
    Column("Selector", 8, 24),
    Column("Key", 8, 10),
    Column("State", 10, 12),
    Column("By", 8, 8),
    Column("DNS", 7, 11),
    Column("Private key", 10, 60),
)
_SELECTOR = click.option(
    "--selector", metavar="S", default="", help="The selector; without it the date says."
)
_KEY = (
    click.option(
        "--type",
        "kind",
        type=click.Choice(["rsa", "ed25519"]),
        help="What kind of key; rsa is understood by all.",
    ),
    click.option("--bits", type=int, default=2048, show_default=True, help="Of an RSA key: 2048 to 4096."),
)


@click.group()
def dkim() -> None:
    """Sign mail with DKIM: list the domains and their keys, compare them with the DNS, make new ones.

    OpenDKIM signs; keys of amavis are shown, and left alone. A key that is there is never overwritten.
    """


@dkim.command("list")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def list_(options: Options, json: bool) -> int:
    """Show every domain, whether it is signed, and with which key; the DNS is not asked."""
    with opened(options) as server:
        _show(wait_for(server.dkim.list()), json)
    return DONE


@dkim.command()
@click.argument("domains", nargs=-1, metavar="[DOMAIN…]")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def check(options: Options, domains: tuple[str, ...], json: bool) -> int:
    """Compare the keys with what the DNS says, as the server's own resolver hears it.

    Exit code 1: something that signs cannot sign, or its record does not match.
    """
    with opened(options) as server:
        found = _heeded(_checked(server, domains))
        _show(found, json)
        wrong = [one for one in found.identities if one.signs and not _well(one)]
        for one in found.identities:
            if one.published is not None and one.selector:
                output.say(f"{one.domain}: {one.published.text}")
            for note in one.published.notes if one.published is not None else ():
                output.say(f"{one.domain}: {note}")
    return NOT_ALL if wrong else DONE


async def _checked(server: Server, domains: Iterable[str]) -> Listing:
    from dataclasses import replace

    from mtatui.backends.dkim.work import domain_of
    from mtatui.settings.kinds import Refused as NotSo

    found = await server.dkim.list()
    wanted = [domain_of(domain) for domain in domains]
    if unknown := [domain for domain in wanted if domain not in {one.domain for one in found.identities}]:
        raise NotSo(f"nothing is known here of {', '.join(unknown)}")
    some = tuple(one for one in found.identities if not wanted or one.domain in wanted)
    return await server.dkim.check(replace(found, identities=some))


@dkim.command()
@click.argument("domain")
@click.option("--selector", metavar="S", default="", help="Only that of this selector.")
@click.option("--json", "json", is_flag=True, help="One document.")
@click.pass_obj
def record(options: Options, domain: str, selector: str, json: bool) -> int:
    """Show the records to publish, as a zone file wants them: split into strings of 255 bytes."""
    with opened(options) as server:
        records = _heeded(server.dkim.records(domain, selector))
        if json:
            output.put_json([as_json(one) for one in records])
        for one in records:
            if not json:
                _put(one)
            output.say(one.published.text)
    return DONE


@dkim.command()
@click.argument("domain")
@_SELECTOR
@_KEY[0]
@_KEY[1]
@click.option("--reserve", is_flag=True, help="Only make the key; sign once its record is published.")
@changing.options
@click.pass_obj
def generate(
    options: Options, /, domain: str, selector: str, kind: str | None, bits: int, reserve: bool, **how: Any
) -> int:
    """Make a key for DOMAIN and sign its mail with it; or with the key that --selector names."""
    from mtatui.backends.dkim.keys import Type

    def offer(server: Server) -> Coroutine[Any, Any, Offer]:
        return server.dkim.generate(domain, selector, type=Type(kind or "rsa"), bits=bits, reserve=reserve)

    return _change(options, offer, **how)


@dkim.command()
@click.argument("domain")
@_SELECTOR
@_KEY[0]
@_KEY[1]
@click.option("--now", is_flag=True, help="Sign with the new key at once, before its record is published.")
@changing.options
@click.pass_obj
def rotate(
    options: Options, /, domain: str, selector: str, kind: str | None, bits: int, now: bool, **how: Any
) -> int:
    """Give DOMAIN a new key, in two steps: first the key, whose record you publish; then, said again, its
    mail is signed with it. The old key and its record stay."""
    from mtatui.backends.dkim.keys import Type

    def offer(server: Server) -> Coroutine[Any, Any, Offer]:
        return server.dkim.rotate(domain, selector, now=now, type=Type(kind) if kind else None, bits=bits)

    return _change(options, offer, **how)


@dkim.command()
@click.argument("domain")
@click.option(
    "--selector", metavar="S", default="", help="Only this key; one that signs nothing is forgotten."
)
@changing.options
@click.pass_obj
def stop(options: Options, /, domain: str, selector: str, **how: Any) -> int:
    """Sign mail of DOMAIN no longer. The files of its keys stay."""

    def offer(server: Server) -> Coroutine[Any, Any, Offer]:
        return server.dkim.stop(domain, selector)

    return _change(options, offer, **how)


def _change(
    options: Options,
    make: Callable[[Server], Coroutine[Any, Any, Offer]],
    *,
    dry_run: bool,
    json: bool,
    **how: Any,
) -> int:
    """Plan, and go on as `changing.change` does; then tell what is to be published."""
    with opened(options) as server:
        if not dry_run:
            changing.permitted(server)
            changing.settle(server)
        offer = _heeded(make(server))
        # The key of a mere plan is thrown away: its record is nobody's to publish.
        records = () if dry_run else offer.records
        more = {"records": [as_json(one) for one in records]}
        code = changing.change(server, offer.plan, dry_run=dry_run, json=json, more=more, **how)
        if code == DONE and not dry_run:
            for one in () if json else records:
                _put(one)
            if offer.next:
                output.say(offer.next)
        return code


def _heeded(work: Coroutine[Any, Any, T]) -> T:
    """Do it; what cannot be is refused in words."""
    from mtatui.settings import kinds

    try:
        return wait_for(work)
    except kinds.Refused as error:
        raise Refused(f"That cannot be: {error}") from error


def _put(one: Record) -> None:
    for line in one.zone:
        output.put(line)


def _show(found: Listing, json: bool) -> None:
    if json:
        rows = [identity_as_json(one) for one in found.identities]
        output.put_json({"server": found.server, "domains": rows, "notes": list(found.notes)})
        return
    output.table(_COLUMNS, [_row(one) for one in found.identities])
    for one in found.identities:
        for text in filter(None, (one.trouble if one.selector else "", one.warning)):
            output.say(f"{one.domain}, {one.selector}: {text}")
    for note in found.notes:
        output.say(note)


def _row(one: Identity) -> tuple[str, ...]:
    dns = str(one.published.standing) if one.published is not None else "–"
    key = str(one.key) if one.key is not None else "–"
    return one.domain, one.selector or "–", key, one.state, one.by or "–", dns, one.path or "–"


def _well(one: Identity) -> bool:
    from mtatui.backends.dkim.keys import Standing

    return not one.trouble and (one.published is None or one.published.standing is Standing.MATCHES)


def identity_as_json(one: Identity) -> dict[str, Any]:
    """A domain and its key as an object (a contract); null: there is none, it was not asked."""
    published = one.published
    return {
        "domain": one.domain,
        "selector": one.selector or None,
        "by": one.by or None,
        "signs": one.signs and not one.trouble,
        "state": one.state,
        "senders": list(one.senders),
        "type": str(one.key.type) if one.key is not None else None,
        "bits": one.key.bits if one.key is not None else None,
        "path": one.path or None,
        "trouble": one.trouble or None,
        "warning": one.warning or None,
        "dns": None
        if published is None
        else {"standing": str(published.standing), "text": published.text, "notes": list(published.notes)},
    }


def as_json(one: Record) -> dict[str, Any]:
    """A record as an object (a contract)."""
    return {
        "name": one.name,
        "domain": one.domain,
        "selector": one.selector,
        "text": one.text,
        "zone": one.zone,
        "standing": str(one.published.standing),
        "said": one.published.text,
    }
