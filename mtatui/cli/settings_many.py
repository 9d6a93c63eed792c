"""``mtatui settings …`` over several servers: one plan a server, all of them shown and agreed to before
anything is touched; then a canary, then waves; a receipt for each."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import changing, output
from mtatui.cli.guard import DONE, Misused, Refused
from mtatui.cli.options import again
from mtatui.cli.session import wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.applying import Step
    from mtatui.fleet.prepared import Prepared, Wanted
    from mtatui.fleet.shares import Share
    from mtatui.fleet.waves import Rollout
    from mtatui.server import Server
    from mtatui.settings.plan import Plan

_STOPPING = "Stopping: no further server is begun, those at work go back …"


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of commands that change settings, where that is over several servers."""
    for option in reversed(
        (
            click.option(
                "--canary", metavar="NAME", default="", help="Of several servers the one to begin with."
            ),
            click.option(
                "--wave",
                type=click.IntRange(min=1),
                metavar="N",
                default=5,
                show_default=True,
                help="So many servers at a time, after the canary.",
            ),
            click.option(
                "--roll-back",
                type=click.Choice(["all", "failed"]),
                default="all",
                show_default=True,
                help="What goes back when a server is not well: all that were changed, or what failed.",
            ),
            click.option(
                "--leave-out", metavar="A,B", default="", help="Of several servers those to leave alone."
            ),
        )
    ):
        command = option(command)
    return command


def left(servers: Sequence[Server], leave_out: str, canary: str) -> list[Server]:
    """The servers that are not left out.

    Raises:
        Misused: no server has such a name, or none is left, or the canary is none of them.
    """
    names = [name.strip() for name in leave_out.split(",") if name.strip()]
    known = [server.name for server in servers]
    if unknown := [name for name in names if name not in known]:
        raise Misused(f"to leave out: {clean(', '.join(unknown))} is none of: {clean(', '.join(known))}")
    rest = [server for server in servers if server.name not in names]
    if not rest:
        raise Misused("no server is left")
    if canary and canary not in (server.name for server in rest):
        raise Misused(f"the canary {clean(canary)} is none of: {clean(', '.join(s.name for s in rest))}")
    return rest


def change(
    servers: Sequence[Server],
    keys: Iterable[str],
    wanted: Wanted,
    *,
    dry_run: bool,
    yes: bool,
    accept_risk: bool,
    confirm_within: float | None,
    json: bool,
    canary: str,
    wave: int,
    roll_back: str,
) -> int:
    """Plan for every server, and show the plans or ask and apply them; the exit code.

    Raises:
        Refused, HostError: for one of them there is no plan; nothing was touched anywhere.
    """
    from mtatui.fleet.prepared import Impossible, prepare, waves
    from mtatui.fleet.shares import RollBack
    from mtatui.fleet.waves import Rollout

    prepared = wait_for(prepare(servers, keys, wanted, looks=dry_run))
    for one in prepared:
        for entry in one.settled:
            output.say(f"{one.name}: {entry.id} by {entry.who} had been interrupted: {entry.text}")
        if one.changed_outside:
            files = ", ".join(one.changed_outside)
            output.say(f"{one.name}: changed by hand since the last entry of the history: {files}")
    if any(one.error is not None for one in prepared):
        _refuse(prepared)
    try:
        order = waves(prepared, canary, wave)
    except Impossible as error:
        raise Refused(str(error)) from error
    rollout = Rollout(prepared, order, roll_back=RollBack(roll_back), confirm_within=confirm_within)
    if dry_run or not order:
        if json:
            output.put_json(as_json(rollout, dry_run=dry_run))
        else:
            for line in described(rollout) if dry_run else receipts(rollout):
                output.put(line)
        output.say("Nothing has been touched." if dry_run else "Nothing to do: it is so already.")
        return DONE
    _agree(rollout, yes=yes, accept_risk=accept_risk)
    wait_for(_run(rollout))
    _tell(rollout, json=json)
    return rollout.exit_code


def _refuse(prepared: Sequence[Prepared]) -> None:
    """Say for which servers there is no plan, and that nothing was touched.

    Raises:
        Refused, Unreachable: always; the latter where servers do not answer and that is all.
    """
    from mtatui.backends.host import HostError, Unreachable

    errors = {one.name: one.error for one in prepared if one.error is not None}
    lines = [f"{name}: {error}" for name, error in errors.items()]
    few = f"--leave-out {','.join(errors)}"
    hint = f"; {few} does it for the others" if len(errors) < len(prepared) else ""
    text = "\n".join(["There is not a plan for every server, so nothing was touched" + hint + ":", *lines])
    beyond = all(isinstance(error, HostError) and error.exit_code == 4 for error in errors.values())
    raise Unreachable(text) if beyond else Refused(text)


def described(rollout: Rollout) -> list[str]:
    """All plans for a person, those that are the same told once; then the waves and the rule."""
    lines = []
    for names, plan in _alike(rollout):
        first, *rest = changing.described(plan)
        lines += [f"{first.rpartition(' for ')[0]} for {clean(', '.join(names))}", *rest, ""]
    if idle := [share.name for share in rollout.shares if not share.wave]:
        lines += [f"Nothing to do for {clean(', '.join(idle))}", ""]
    return [*lines, *order(rollout)]


def _alike(rollout: Rollout) -> list[tuple[list[str], Plan]]:
    """The plans, each with the servers for which it is the same, in the order of the waves."""
    found: dict[tuple[str, ...], tuple[list[str], Plan]] = {}
    for share in sorted(rollout.shares, key=lambda share: share.wave):
        plan = share.prepared.plan
        if share.wave and plan is not None:
            alike = tuple(changing.described(plan)[1:])
            found.setdefault(alike, ([], plan))[0].append(share.name)
    return list(found.values())


def order(rollout: Rollout) -> list[str]:
    """Who comes when, and what goes back."""
    lines = []
    for number in range(1, rollout.waves + 1):
        names = clean(", ".join(share.name for share in rollout.shares if share.wave == number))
        lines.append(f"  first, alone: {names}" if number == 1 else f"  wave {number}: {names}")
    goes = {
        "all": "all that were changed go back",
        "failed": "those that failed go back, the others keep it",
    }[rollout.roll_back]
    return ["In this order", *lines, f"If a server is not well it ends there, and {goes}."]


def _agree(rollout: Rollout, *, yes: bool, accept_risk: bool) -> None:
    """Ask whether to go on, where that is not answered already.

    Raises:
        Refused: the answer was no, or there is nobody to ask.
    """
    plans = {share.name: share.prepared.plan for share in rollout.shares if share.wave}
    grave = any(plan is not None and plan.grave for plan in plans.values())
    mind = [
        f"{clean(name)}: {line.strip()}"
        for name, plan in plans.items()
        if plan is not None
        for line in changing.warnings(plan)
    ]
    if yes and (accept_risk or not grave):
        for line in mind:
            output.say(line)
        return
    number = f"{len(plans)} server{'' if len(plans) == 1 else 's'}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        if yes:
            raise Refused(
                f"{number}: nothing was done, for --yes does not answer what is grave. "
                "To accept it, say --accept-risk as well:\n" + "\n".join(mind)
            )
        raise Refused(
            f"{number}: that asks first, and nobody is here to be asked. "
            "Say --yes to do it, --dry-run to see what it would do."
        )
    for line in described(rollout):
        output.say(line)
    if grave:
        answer = click.prompt(f"Type {number} to apply", default="", show_default=False, err=True)
        agreed = answer.strip() == number
    else:
        agreed = click.confirm(f"Apply to {number}?", err=True)
    if not agreed:
        raise Refused("nothing was done")


async def _run(rollout: Rollout) -> None:
    from mtatui.cli.receipts import Watch

    room = max(len(share.name) for share in rollout.shares)

    def told(share: Share, step: Step | None) -> None:
        name = clean(share.name).ljust(room)
        with contextlib.suppress(OSError):  # the terminal may be gone; the work goes on
            if step is None:
                output.say(f"{name}  {share.became}" + (f": {share.text}" if share.text else ""))
            elif step.state != "begins":
                output.say(f"{name}  {changing.line(step)}")

    with Watch(_STOPPING) as watch:
        await rollout.run(told, watch.cancel)


def _tell(rollout: Rollout, *, json: bool) -> None:
    """The receipts on standard output, the story on standard error."""
    from mtatui.fleet.shares import Became, tally

    with contextlib.suppress(OSError):  # nobody listens any more; it is done all the same
        if json:
            output.put_json(as_json(rollout))
        else:
            for line in receipts(rollout):
                output.put(line)
        if rollout.stopped:
            output.say(f"It was not carried through: {rollout.stopped}")
        for share in rollout.shares:
            if share.became is Became.AWAITING and share.until is not None:
                until = time.strftime("%H:%M:%S", time.localtime(share.until))
                confirm = again(f"history confirm {share.entry_id}", share.name)
                output.say(f"{share.name}: rolled back at {until} unless you say: {confirm}")
            elif share.became is Became.APPLIED:
                output.say(f"To take it back: {again(f'history undo {share.entry_id}', share.name)}")
        output.say(", ".join(f"{number} {became}" for became, number in tally(rollout.shares).items()))


def receipts(rollout: Rollout) -> list[str]:
    """A line for each server: its name, what became of it, its entry in the history there."""
    room = max(len(share.name) for share in rollout.shares)
    return [
        f"{clean(share.name):<{room}}  {share.became:11}  {share.entry_id}".rstrip()
        for share in rollout.shares
    ]


def as_json(rollout: Rollout, *, dry_run: bool = False) -> dict[str, Any]:
    """All plans and what became of them as a document (a contract)."""
    servers = []
    for share in rollout.shares:
        plan = share.prepared.plan
        assert plan is not None
        document = changing.as_json(plan) | {"server": share.name, "wave": share.wave or None}
        if not dry_run:
            document |= {
                "outcome": str(share.became),
                "entry": share.entry_id or None,
                "text": share.text,
                "until": share.until,
                "steps": [changing.step_as_json(step) for step in share.steps],
            }
        servers.append(document)
    document = {"servers": servers, "waves": rollout.waves, "roll_back": str(rollout.roll_back)}
    return document | ({"dry_run": True} if dry_run else {"stopped": rollout.stopped or None})
