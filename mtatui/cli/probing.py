"""``mtatui doctor --probe``: six messages through the whole chain, and whether the promises were kept."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL, Refused
from mtatui.cli.options import Options
from mtatui.cli.session import opened, wait_for
from mtatui.text import fit, wrap

if TYPE_CHECKING:
    from mtatui.backends.probing import Probed, ProbePlan, Row

_MARKS = {"kept": "✓", "broken": "✖", "cannot tell": "?", "nothing promised": "·"}
_LABEL = 20


def probe(options: Options, to: str, yes: bool, json: bool) -> int:
    """Say what a probe will do, ask, do it, and show what came of it."""
    with opened(options) as server:
        plan = wait_for(server.prober.plan(to))
        output.say(f"A probe through {server.name}:")
        for line in plan.says:
            output.say(f"  {line}")
        _confirm(yes)
        probed = wait_for(server.prober.run(plan, _progress()))
        if json:
            output.put_json(as_json(server.name, plan, probed))
        else:
            for row in probed.rows:
                _show(row)
            for line in probed.left:
                output.say(line)
            if probed.stopped:
                output.say(f"Not all were sent: {probed.stopped}.")
    return DONE if probed.well else NOT_ALL


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused("that asks first, and nobody is here to be asked. Say --yes to send the probe.")
    if not click.confirm("Send it?", err=True):
        raise Refused("nothing was sent")


def _progress() -> Any:
    def heard(row: Row) -> None:
        if row.state == "sending":
            output.say(f"{row.label} …")

    return heard


def _show(row: Row) -> None:
    room = output.width() - _LABEL - 22
    mark = _MARKS.get(row.verdict or "", "–")
    said = [("promised", row.promise), (row.verdict or row.state, row.happened)]
    lead = f"{mark} {fit(row.label, _LABEL)}"
    for head, text in said:
        for at, line in enumerate(wrap(text, room)):
            output.put(f"{lead}  {fit(head if at == 0 else '', 16)}  {line}")
            lead = " " * (_LABEL + 2)


def as_json(server: str, plan: ProbePlan, probed: Probed) -> dict[str, Any]:
    """A probe as an object (a contract)."""
    return {
        "server": server,
        "at": round(time.time(), 3),
        "recipient": plan.recipient,
        "thrown_away": plan.thrown_away,
        "listener": str(plan.listener),
        "took": round(probed.took, 3),
        "broken": probed.broken,
        "stopped": probed.stopped or None,
        "messages": [
            {
                "kind": row.kind,
                "about": row.about or None,
                "promise": row.promise,
                "state": row.state,
                "happened": row.happened,
                "verdict": row.verdict,
                "message_id": row.message_id,
                "queue_ids": list(row.queue_ids),
                "log": list(row.log),
            }
            for row in probed.rows
        ],
        "left": list(probed.left),
    }
