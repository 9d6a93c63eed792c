"""From a plan to its outcome: showing it, asking, applying it with its steps told, and what became of it.

``--yes`` answers the question whether to apply. It does not answer a grave caution (an open relay, one's own
clients locked out): a script says ``--accept-risk`` as well, a person at a terminal types the server's name.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mtatui.cli import output
from mtatui.cli.guard import DONE, Refused
from mtatui.cli.options import again
from mtatui.cli.receipts import Watch
from mtatui.cli.session import wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.applying import Applied, Step
    from mtatui.server import Server
    from mtatui.settings.plan import Edit, Plan

#: How tables begin that are mtatui's own.
OURS = b"# Written by mtatui"
#: How much of a line in them is shown, in characters.
CUT = 160

_STOPPING = "Stopping: what is not yet replaced stays, what is replaced is rolled back …"


def span(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A span of time in seconds, typed as ``90s``, ``5m`` or ``2h``."""
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smh])", value)
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]] if match else 0
    if not 1 <= seconds <= 86400:
        raise click.BadParameter("write a time between 1s and 24h, such as 90s, 5m or 2h", ctx, param)
    return float(seconds)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that changes settings."""
    for option in reversed(
        (
            click.option(
                "--dry-run", is_flag=True, help="Show the plan, the commands in it too; do nothing."
            ),
            click.option("--yes", is_flag=True, help="Do not ask."),
            click.option(
                "--accept-risk", is_flag=True, help="With --yes: also where the plan has a grave caution."
            ),
            click.option(
                "--confirm-within",
                callback=span,
                metavar="T",
                help="Roll back after T (90s, 5m, 2h) unless it is confirmed: mtatui history confirm N.",
            ),
            click.option("--json", "json", is_flag=True, help="One document."),
        )
    ):
        command = option(command)
    return command


def permitted(server: Server) -> None:
    """Refuse where settings cannot be changed at all.

    Raises:
        ReadOnly, NotPermitted: in words. HostError: it does not answer.
    """
    from mtatui.backends.host import NotPermitted, ReadOnly

    wait_for(server.reached())  # else it is not known who we are there
    if why := server.configuration.why_not():
        raise (ReadOnly if server.host.read_only else NotPermitted)(f"Settings cannot be changed: {why}.")


def settle(server: Server) -> None:
    """Have taken back what was interrupted (a reboot, a killed guard), and say so."""
    for entry in wait_for(server.configuration.settle()):
        output.say(f"{entry.id} by {entry.who} had been interrupted: {entry.text}")


def change(
    server: Server,
    plan: Plan,
    *,
    dry_run: bool = False,
    yes: bool = False,
    accept_risk: bool = False,
    confirm_within: float | None = None,
    json: bool = False,
    more: Mapping[str, Any] | None = None,
) -> int:
    """Show a plan, or ask and apply it; the exit code.

    Args:
        more: what belongs into the document besides.

    Raises:
        Refused: the answer was no, or there is nobody to ask.
        ReadOnly, NotPermitted: it cannot be applied by whom it was asked.
    """
    if dry_run or plan.empty:
        if json:
            end = {"dry_run": True} if dry_run else {"outcome": "unchanged"}
            output.put_json(as_json(plan) | end | dict(more or {}))
        elif dry_run:
            for line in described(plan):
                output.put(line)
        else:
            output.put("unchanged")
        output.say("Nothing has been touched." if dry_run else "Nothing to do: it is so already.")
        return DONE
    permitted(server)
    agree(plan, yes=yes, accept_risk=accept_risk)
    applied = wait_for(_apply(server, plan, confirm_within))
    _tell_what_others_did(plan, applied)
    told(applied, plan, json=json, more=more)
    return applied.exit_code


def described(plan: Plan) -> list[str]:
    """A plan for a person: changes, what they mean, what to mind, the diff, the commands."""
    lines = [f"{_changes(len(plan.changes))} for {clean(plan.server)}"]
    lines += [
        f"  {change.label}: {clean(change.before)} → {clean(change.after)}   ({change.key})"
        for change in plan.changes
    ]
    if plan.words:
        lines += ["", "What it means", *(f"  {clean(words)}" for words in plan.words)]
    if plan.cautions:
        lines += ["", "Mind", *warnings(plan)]
    if plan.edits:
        lines += ["", *(line for edit in plan.edits for line in _diff(edit))]
        lines += ["", "What runs", *(f"  {clean(command)}" for command in plan.commands())]
    return lines


def _diff(edit: Edit) -> list[str]:
    """The diff of a file. In tables that mtatui writes by itself, expressions are cut: nobody reads them."""
    lines = edit.diff()
    if not (edit.after or edit.before or b"").startswith(OURS):
        return lines
    return [line if len(line) <= CUT else f"{line[:CUT]}… ({len(line) - CUT:,} more)" for line in lines]


def warnings(plan: Plan) -> list[str]:
    """The cautions of a plan, a line each, grave ones first."""
    cautions = sorted(plan.cautions, key=lambda caution: not caution.grave)
    return [f"  {'GRAVE: ' if caution.grave else ''}{clean(caution.text)}" for caution in cautions]


def agree(plan: Plan, *, yes: bool, accept_risk: bool) -> None:
    """Ask whether to go on, where that is not answered already.

    Raises:
        Refused: the answer was no, or there is nobody to ask.
    """
    if yes and (accept_risk or not plan.grave):
        for line in warnings(plan):
            output.say(line.strip())
        return
    what = f"{_changes(len(plan.changes))} for {plan.server}"
    if not _somebody_here():
        if yes:
            grave = "\n".join(warnings(plan))
            raise Refused(
                f"{what}: nothing was done, for --yes does not answer what is grave. "
                f"To accept it, say --accept-risk as well:\n{grave}"
            )
        raise Refused(
            f"{what}: that asks first, and nobody is here to be asked. "
            "Say --yes to do it, --dry-run to see what it would do."
        )
    for line in described(plan):
        output.say(line)
    if plan.grave:
        answer = click.prompt(f"Type {clean(plan.server)} to apply", default="", show_default=False, err=True)
        agreed = answer.strip() == plan.server
    else:
        agreed = click.confirm("Apply?", err=True)
    if not agreed:
        raise Refused("nothing was done")


def question(what: str, *, yes: bool) -> None:
    """Ask a plain question, where it is not answered already.

    Raises:
        Refused: the answer was no, or there is nobody to ask.
    """
    if yes:
        return
    if not _somebody_here():
        raise Refused(f"{what}: that asks first, and nobody is here to be asked. Say --yes to do it.")
    if not click.confirm(f"{clean(what)}?", err=True):
        raise Refused("nothing was done")


def _somebody_here() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


async def _apply(server: Server, plan: Plan, confirm_within: float | None) -> Applied:
    with Watch(_STOPPING) as watch:
        return await server.configuration.apply(
            plan, confirm_within=confirm_within, progress=_step, cancel=watch.cancel
        )


def _step(step: Step) -> None:
    """Tell a step as it ends; what only begins is not worth a line."""
    if step.state == "begins":
        return
    with contextlib.suppress(OSError):  # the terminal may be gone; the work goes on
        output.say(line(step))


def line(step: Step) -> str:
    """A step in one line."""
    mark = {"done": "✓", "failed": "✗"}.get(step.state, " ")
    words = step.text or (f"$ {step.command}" if step.command else "")
    return f"{mark} {step.name:9} {words}".rstrip()


def _tell_what_others_did(plan: Plan, applied: Applied) -> None:
    """What somebody else has changed meanwhile, to be judged. Not of files that hold passwords."""
    for edit in plan.edits:
        if edit.path in applied.versions and not edit.secrets:
            _, now = applied.versions[edit.path]
            for line in ["What was changed meanwhile:", *replace(edit, after=now).diff()]:
                output.say(line)


def told(
    applied: Applied, plan: Plan | None = None, *, json: bool, more: Mapping[str, Any] | None = None
) -> None:
    """Tell what became of it: data on standard output, the story on standard error."""
    with contextlib.suppress(OSError):  # nobody listens any more; it is done all the same
        if json:
            document = (as_json(plan) if plan else {}) | outcome_as_json(applied)
            output.put_json(document | dict(more or {}))
        else:
            output.put(f"{applied.outcome}  {applied.entry_id}".rstrip())
        if applied.until is None:
            output.say(applied.text)
        else:
            until = time.strftime("%H:%M:%S", time.localtime(applied.until))
            confirm = again(f"history confirm {applied.entry_id}")
            output.say(f"It is rolled back at {until} unless you say: {confirm}")
        if applied.outcome == "changed":
            output.say("Say it again to have it planned over what is there now.")
        if applied.outcome == "applied":
            output.say(f"To take it back: {again(f'history undo {applied.entry_id}')}")


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan as a document (a contract); its diff is masked."""
    return {
        "server": plan.server,
        "changes": [
            {"key": change.key, "before": change.before, "after": change.after} for change in plan.changes
        ],
        "words": list(plan.words),
        "cautions": [{"text": caution.text, "grave": caution.grave} for caution in plan.cautions],
        "diff": plan.diff(),
        "commands": list(plan.commands()) if plan.edits else [],
    }


def outcome_as_json(applied: Applied) -> dict[str, Any]:
    """What became of a plan as a document (a contract). ``until`` is epoch seconds."""
    return {
        "outcome": str(applied.outcome),
        "entry": applied.entry_id or None,
        "text": applied.text,
        "until": applied.until,
        "steps": [step_as_json(step) for step in applied.steps],
    }


def step_as_json(step: Step) -> dict[str, str]:
    """A step as an object (a contract)."""
    return {"name": step.name, "state": step.state, "text": step.text, "command": step.command}


def _changes(number: int) -> str:
    return "1 change" if number == 1 else f"{number} changes"
