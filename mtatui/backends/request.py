"""A plan as the program on the server is asked to apply it: see `mtatui.backends.transaction`."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mtatui.backends.host import Host
from mtatui.settings.plan import Care, Command, Edit, Plan, Probe


def request(host: Host, plan: Plan, who: str, confirm_within: float | None, log: str) -> dict[str, Any]:
    """The request.

    Args:
        who: the login of the person.
        confirm_within: seconds after which it is taken back unless it is confirmed.
        log: ``maillog_file``, where Postfix writes its log itself.
    """
    return {
        "operation": "apply",
        "who": who,
        "server": plan.server,
        "words": plan.words,
        "changes": [[c.key, c.label, c.before, c.after, c.was] for c in plan.changes],
        "cautions": [caution.text for caution in plan.cautions],
        "commands": list(plan.commands()),
        "diff": plan.diff(),
        "undoes": plan.undoes,
        "directory": plan.directory,
        "edits": [_edit(edit) for edit in plan.edits],
        "relied_on": {
            path: tag.digest or [tag.inode, tag.mtime_ns, tag.size] for path, tag in plan.relied_on
        },
        "checks": [_command(host, command) for command in plan.checks],
        "reload": [_command(host, command) for command in plan.reload],
        "probes": [_probe(probe) for probe in plan.probes],
        "care": [_care(host, care) for care in plan.care],
        "confirm_within": confirm_within,
        "log": log,
    }


def _edit(edit: Edit) -> dict[str, Any]:
    digest = None if edit.before is None else hashlib.sha256(edit.before).hexdigest()
    after = None if edit.after is None else base64.b64encode(edit.after).decode("ascii")
    return {
        "path": edit.path,
        "before": digest,
        "after": after,
        "mode": edit.mode,
        "owner": edit.owner,
    }


def _care(host: Host, care: Care) -> dict[str, Any]:
    return {
        "service": care.service,
        "checks": [_command(host, command) for command in care.checks],
        "running": None if care.running is None else _command(host, care.running),
        "take": [_command(host, command) for command in care.take],
        "back": [_command(host, command) for command in care.back],
        "probe": None if care.probe is None else _probe(care.probe),
        "patience": care.patience,
        "expected": care.expected,
        "logs": care.logs,
        "explain": None if care.explain is None else _command(host, care.explain),
        "words": care.words,
    }


def _probe(probe: Probe) -> dict[str, Any]:
    return dataclasses.asdict(probe)


def _command(host: Host, command: Command) -> dict[str, Any]:
    return {
        "argv": _there(host, command.argv),
        "called": str(command),
        "refuses": command.refuses,
        "timeout": command.timeout,
        "input": command.input,
        "statuses": command.statuses,
        "awaits": command.awaits,
    }


def _there(host: Host, argv: Sequence[str]) -> list[str]:
    """What the program starts for a command: the demo's stand-ins, but without what leads to where the
    program runs already (sudo)."""
    command: Callable[[Sequence[str]], list[str]] = getattr(host, "command", list)
    real, way = command(argv), command([sys.executable])[:-1]
    return real[len(way) :] if way and real[: len(way)] == way else real
