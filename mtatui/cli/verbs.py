"""``mtatui queue hold|release|requeue|delete|bounce|deliver|flush``: acting on the queue.

What is meant is frozen, shown and confirmed; then it is done, and every message has its receipt.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from mtatui.cli import output
from mtatui.cli.confirm import confirm, described
from mtatui.cli.guard import DONE, NOT_ALL, Misused
from mtatui.cli.messages import checked, keys_of, servers_named
from mtatui.cli.options import Options
from mtatui.cli.picking import named
from mtatui.cli.receipts import Watch, tell
from mtatui.cli.session import gathered, query_of, scanned, wait_for
from mtatui.queue.message import State, split
from mtatui.queue.selection import Outcome, Receipt, Result, Selection
from mtatui.verbs import ALL, BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE, RESTORE, Action, Verb

if TYPE_CHECKING:
    from mtatui.cli.gathering import Gathered
    from mtatui.fleet import Fleet
    from mtatui.queue.query import Query


def command_of(verb: Verb) -> click.Command:
    """The command that does a verb."""

    @click.command(verb.id, help=verb.help)
    @click.argument("ids", nargs=-1, metavar="[ID… | SERVER/ID… | -]")
    @click.option("--filter", "text", metavar="QUERY", help="All that it means (docs/query.md).")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--dry-run", is_flag=True, help="Say what it would touch and run; do nothing.")
    @click.option("--json", "json", is_flag=True, help="The receipts as one document.")
    @click.pass_obj
    def command(
        options: Options, ids: tuple[str, ...], text: str | None, yes: bool, dry_run: bool, json: bool
    ) -> int:
        if bool(ids) == (text is not None):
            raise click.UsageError("say which messages: queue IDs, '-' to read them, or --filter")
        if text is not None and not text.strip():
            raise Misused("an empty filter means every message; to mean that, say --filter 'age>=0s'")
        chosen = query_of(text) if text is not None else checked(ids)
        listed = text is None and "-" not in ids
        servers = servers_named(chosen) if isinstance(chosen, list) and chosen else None
        with scanned(options, changes=verb.label, named=servers) as them:
            permitted(them.fleet, verb)
            selection, left_out = frozen(them, verb, chosen)
            if dry_run:
                described(them.fleet, verb, selection, left_out, json=json)
                return them.code()
            if len(selection):
                confirm(them.fleet, verb, selection, yes=yes, listed=listed)
            return them.code(do(them.fleet, verb, selection, left_out, json=json))

    return command


def permitted(fleet: Fleet, action: Action) -> None:
    """Refuse what cannot be done here at all.

    Raises:
        ReadOnly, NotPermitted, HostError: in the words that the terminal face has for it.
    """
    from mtatui.backends.host import HostError, NotPermitted, ReadOnly

    why = fleet.why_not(action)
    if why:
        root = any(server.host.superuser for server in fleet.servers)
        kind = ReadOnly if fleet.read_only else HostError if root else NotPermitted
        raise kind(f"{action.label}: {why}.")


def frozen(them: Gathered, verb: Verb, chosen: Query | list[str]) -> tuple[Selection, list[Receipt]]:
    """The selection, and receipts for what was named but cannot be in it."""
    index, now = them.fleet.index, int(time.time())
    trash = verb is RESTORE
    if not isinstance(chosen, list):
        query = chosen.narrowed("state", State.TRASH) if trash else chosen
        return index.select(query, now), []
    keys = keys_of(them, chosen)
    left_out = [_missing(them, key) for key in index.unknown(keys)]
    selection = index.select(keys, now, "by queue ID")
    misplaced = [t for t in selection.targets if (t.state is State.TRASH) != trash]
    why = "it is in the queue, not in the trash" if trash else "it is in the trash: restore it first"
    left_out += [Receipt(t.identity.id, Result.FAILED, why) for t in misplaced]
    targets = tuple(t for t in selection.targets if (t.state is State.TRASH) == trash)
    return Selection(targets, selection.chosen_by, now), left_out


def _missing(them: Gathered, key: str) -> Receipt:
    """The receipt for what is not in the queue, or in none that could be read."""
    lost = [name for name in them.silent if split(key)[0] in ("", name)]
    if lost:
        return Receipt(key, Result.FAILED, f"not found, and {', '.join(lost)} did not answer")
    return Receipt(key, Result.GONE, "not in the queue")


def do(
    fleet: Fleet,
    verb: Verb,
    selection: Selection,
    left_out: Iterable[Receipt],
    *,
    json: bool,
) -> int:
    """Act, and tell what became of each message; the exit code."""
    outcome = Outcome(verb.id, time.time())
    if len(selection):
        outcome = wait_for(_act(fleet, verb, selection))
    outcome.receipts = [*left_out, *outcome.receipts]
    tell(outcome, json=json)
    return DONE if outcome.ok else NOT_ALL


async def _act(fleet: Fleet, verb: Verb, selection: Selection) -> Outcome:
    with Watch() as watch:
        return await fleet.act(verb, selection, progress=watch.progress, cancel=watch.cancel)


@click.command(help=ALL["flush"].help)
@click.option("--site", metavar="DOMAIN", default="", help="Only what waits for this domain.")
@click.pass_obj
def flush(options: Options, site: str) -> int:
    if site.startswith("-") or not site.isprintable() or " " in site:
        raise click.BadParameter("that is no domain", param_hint="--site")
    with gathered(options, changes="Flush") as them:
        permitted(them.fleet, ALL["flush"])
        them.lost(wait_for(them.fleet.flush(site, them.answering)))
        where = f" on {named(them.answering)}" if them.many else ""
        what = f"what waits for {site}" if site else "all deferred mail"
        output.say(f"Postfix{where} was asked to try {what} now.")
        return them.code()


COMMANDS = tuple(command_of(verb) for verb in (HOLD, RELEASE, REQUEUE, DELETE, BOUNCE, DELIVER))
