"""What is set on several servers, beside one another, and what is wrong with each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError
from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL
from mtatui.cli.output import Column
from mtatui.cli.session import wait_for
from mtatui.cli.settings_show import findings_as_json, reading_as_json, told_finding
from mtatui.settings.catalogue import ALL
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.fleet.matrix import Row
    from mtatui.server import Server
    from mtatui.settings.current import Reading
    from mtatui.settings.setting import Setting

#: What stands before the value of a server that has something else than most.
OTHER = "≠ "


def show(servers: Sequence[Server], chosen: Sequence[Setting], *, json: bool) -> int:
    """What each server has, side by side; the exit code: 1 where one did not answer.

    Raises:
        HostError: none did.
    """
    read, unread = _read(servers, [setting.key for setting in chosen])
    if json:
        documents = [reading_as_json(reading, chosen) | {"server": s.name} for s, reading in read.items()]
        output.put_json({"servers": documents})
        return NOT_ALL if unread else DONE
    from mtatui.fleet.matrix import made

    columns = [Column("Setting", 46, 50), *(Column(clean(server.name), 8, 40) for server in read)]
    rows = made(read).rows(chosen)
    output.table(columns, [_cells(row) for row in rows])
    differ = sum(row.differs for row in rows)
    output.say(f"In {differ} of {len(rows)} the servers differ ({OTHER.strip()}).")
    return NOT_ALL if unread else DONE


def _cells(row: Row) -> tuple[str, ...]:
    shown = ((OTHER if cell.differs else "") + cell.show(row.setting) for cell in row.cells)
    return (row.setting.key, *shown)


def lint(servers: Sequence[Server], *, json: bool) -> int:
    """What is wrong with each; the exit code: 1 where something is grave, or one did not answer.

    Raises:
        HostError: none did.
    """
    read, unread = _read(servers, list(ALL))
    if json:
        documents = [
            {"server": server.name, "findings": findings_as_json(reading.findings)}
            for server, reading in read.items()
        ]
        output.put_json({"servers": documents})
    found = [(server, finding) for server, reading in read.items() for finding in reading.findings]
    for server, finding in () if json else found:
        output.put(f"{clean(server.name)}  {told_finding(finding)}")
    grave = sum(finding.grave for _, finding in found)
    output.say(f"{len(found)} found, {grave} grave" if found else "Nothing found.")
    return NOT_ALL if grave or unread else DONE


def _read(servers: Sequence[Server], keys: Sequence[str]) -> tuple[dict[Server, Reading], int]:
    """What could be read, and how many servers could not be; why is said.

    Raises:
        HostError: none could.
    """
    from mtatui.fleet.readings import readings
    from mtatui.fleet.together import together_failed

    read: dict[Server, Reading] = {}
    errors: dict[str, HostError] = {}
    for server, answer in wait_for(readings(servers, keys, ask_history=True)):
        if isinstance(answer, HostError):
            errors[server.name] = answer
            continue
        read[server] = answer
        if answer.changed_outside:
            files = ", ".join(answer.changed_outside)
            output.say(f"{server.name}: changed by hand since the last entry of the history: {files}")
    if not read:
        raise together_failed(errors)
    for name, error in errors.items():
        output.say(f"mtatui: {name}: {error}")
    return read, len(errors)
