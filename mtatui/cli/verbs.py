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
from mtatui.cli.messages import checked
from mtatui.cli.options import Options
from mtatui.cli.receipts import Watch, tell
from mtatui.cli.session import query_of, scanned, wait_for
from mtatui.queue.message import State
from mtatui.queue.selection import Outcome, Receipt, Result, Selection
from mtatui.verbs import ALL, BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE, RESTORE, Action, Verb

if TYPE_CHECKING:
    from mtatui.queue.query import Query
    from mtatui.server import Server


def command_of(verb: Verb) -> click.Command:
    """The command that does a verb."""

    @click.command(verb.id, help=verb.help)
    @click.argument("ids", nargs=-1, metavar="[ID… | -]")
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
        with scanned(options) as server:
            permitted(server, verb)
            selection, left_out = frozen(server, verb, chosen)
            if dry_run:
                described(server, verb, selection, left_out, json=json)
                return DONE
            if len(selection):
                confirm(server, verb, selection, yes=yes, listed=listed)
            return do(server, verb, selection, left_out, json=json)

    return command


def permitted(server: Server, action: Action) -> None:
    """Refuse what cannot be done here at all.

    Raises:
        ReadOnly, NotPermitted, HostError: in the words that the terminal face has for it.
    """
    from mtatui.backends.host import HostError, NotPermitted, ReadOnly

    why = server.why_not(action)
    if why:
        kind = ReadOnly if server.host.read_only else HostError if server.host.superuser else NotPermitted
        raise kind(f"{action.label}: {why}.")


def frozen(server: Server, verb: Verb, chosen: Query | list[str]) -> tuple[Selection, list[Receipt]]:
    """The selection, and receipts for what was named but cannot be in it."""
    now = int(time.time())
    trash = verb is RESTORE
    if not isinstance(chosen, list):
        query = chosen.narrowed("state", State.TRASH) if trash else chosen
        return server.index.select(query, now), []
    left_out = [Receipt(id, Result.GONE, "not in the queue") for id in server.index.unknown(chosen)]
    selection = server.index.select(chosen, now, "by queue ID")
    misplaced = [t for t in selection.targets if (t.state is State.TRASH) != trash]
    why = "it is in the queue, not in the trash" if trash else "it is in the trash: restore it first"
    left_out += [Receipt(t.identity.id, Result.FAILED, why) for t in misplaced]
    targets = tuple(t for t in selection.targets if (t.state is State.TRASH) == trash)
    return Selection(targets, selection.chosen_by, now), left_out


def do(
    server: Server,
    verb: Verb,
    selection: Selection,
    left_out: Iterable[Receipt],
    *,
    json: bool,
) -> int:
    """Act, and tell what became of each message; the exit code."""
    outcome = Outcome(verb.id, time.time())
    if len(selection):
        outcome = wait_for(_act(server, verb, selection))
    outcome.receipts = [*left_out, *outcome.receipts]
    tell(outcome, json=json)
    return DONE if outcome.ok else NOT_ALL


async def _act(server: Server, verb: Verb, selection: Selection) -> Outcome:
    with Watch() as watch:
        return await server.act(verb, selection, progress=watch.progress, cancel=watch.cancel)


@click.command(help=ALL["flush"].help)
@click.option("--site", metavar="DOMAIN", default="", help="Only what waits for this domain.")
@click.pass_obj
def flush(options: Options, site: str) -> None:
    from mtatui.cli.session import opened

    if site.startswith("-") or not site.isprintable() or " " in site:
        raise click.BadParameter("that is no domain", param_hint="--site")
    with opened(options) as server:
        permitted(server, ALL["flush"])
        wait_for(server.flush(site))
        output.say(
            f"Postfix was asked to try {'what waits for ' + site if site else 'all deferred mail'} now."
        )


COMMANDS = tuple(command_of(verb) for verb in (HOLD, RELEASE, REQUEUE, DELETE, BOUNCE, DELIVER))
