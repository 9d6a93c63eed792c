"""Before a verb acts: what it would touch, in words and as JSON, and the question whether to go on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mtatui import ask
from mtatui.cli import output
from mtatui.cli.guard import Refused
from mtatui.cli.receipts import one
from mtatui.queue.message import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtatui.fleet import Fleet
    from mtatui.queue.selection import BlastRadius, Receipt, Selection
    from mtatui.verbs import Verb


def confirm(fleet: Fleet, verb: Verb, selection: Selection, *, yes: bool, listed: bool) -> None:
    """Ask where that is due: for what was not listed by ID, is large, is final, or is deleted.

    Raises:
        Refused: the answer was no, or there is nobody to ask.
    """
    number = len(selection)
    if yes or (listed and not ask.asks(verb, number)):
        return
    title = ask.title(verb, number)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"{title}: that asks first, and nobody is here to be asked. "
            "Say --yes to do it, --dry-run to see what it would touch."
        )
    output.say(title)
    for line in _question(fleet, verb, selection):
        output.say(f"  {line}")
    typed = ask.to_type(verb, number)
    if typed:
        answer = click.prompt(f"Type {typed} to go on", default="", show_default=False, err=True)
        agreed = answer.replace(",", "").strip() == typed
    else:
        agreed = click.confirm(f"{verb.label}?", err=True)
    if not agreed:
        raise Refused("nothing was done")


def described(
    fleet: Fleet,
    verb: Verb,
    selection: Selection,
    left_out: Sequence[Receipt],
    *,
    json: bool,
) -> None:
    """What a verb would touch and run (``--dry-run``)."""
    if json:
        radius = fleet.index.blast_radius(selection)
        document = {"verb": verb.id, "dry_run": True, "chosen_by": selection.chosen_by, **as_json(radius)}
        document["left_out"] = [one(receipt) for receipt in left_out]
        only_corrupt = {target.state for target in selection.targets} == {State.CORRUPT}
        document["commands"] = [ask.command(verb, only_corrupt)] if len(selection) else []
        output.put_json(document)
        return
    output.put(f"{ask.title(verb, len(selection))}   (nothing was done)")
    if len(selection):
        for line in _question(fleet, verb, selection):
            output.put(f"  {line}")
    for receipt in left_out:
        output.put(f"  {receipt.id}  {receipt.text}")


def as_json(radius: BlastRadius) -> dict[str, Any]:
    """A blast radius as an object (a contract). ``oldest`` is epoch seconds, null where it is not known."""
    return {
        "messages": radius.messages,
        "recipients": radius.recipients,
        "domains": dict(radius.domains),
        "domain_count": radius.domain_count,
        "senders": dict(radius.senders),
        "sender_count": radius.sender_count,
        "bytes": radius.bytes,
        "oldest": radius.oldest or None,
        "partly_served": radius.partly_served,
        **({"servers": dict(radius.servers)} if radius.servers else {}),
    }


def _question(fleet: Fleet, verb: Verb, selection: Selection) -> list[str]:
    radius = fleet.index.blast_radius(selection)
    lines = ask.question(verb, selection, radius, kept_days=fleet.keep_days)
    # The terminal face says the key; here it is a command.
    return [line.replace(" z takes it back", " mtatui history undo takes it back") for line in lines]
