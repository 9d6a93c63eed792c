"""``mtatui settings diff``: where servers are not as a profile says, for a person and for a nightly job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL
from mtatui.cli.output import Column
from mtatui.cli.session import wait_for
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.fleet.drift import Drift
    from mtatui.server import Server
    from mtatui.settings.profile import Difference

_DIFFERENCES = (Column("Setting", 20, 44), Column("Is", 10, 60), Column("Profile", 10, 60))
_OF_MANY = (Column("Server", 6, 24), *_DIFFERENCES)


def compare(servers: Sequence[Server], wanted: Mapping[str, Any], *, json: bool) -> int:
    """Compare, and tell; the exit code: 4 where a server could not be compared, 1 where one differs.

    Raises:
        HostError: the only server could not be read.
    """
    from mtatui.fleet.drift import drift

    found = wait_for(drift(servers, wanted))
    for one in found:
        if one.reading is not None and one.reading.changed_outside:
            whose = f"{one.server.name}: changed" if len(found) > 1 else "Changed"
            files = ", ".join(one.reading.changed_outside)
            output.say(f"{whose} by hand since the last entry of the history: {files}")
    if len(found) == 1:
        [one] = found
        if one.error is not None:
            raise one.error
        if json:
            output.put_json(_as_json(one, len(wanted)))
        elif one.differences:
            output.table(_DIFFERENCES, [_row(difference) for difference in one.differences])
        output.say(f"{len(one.differences)} of {len(wanted)} settings are not as the profile says.")
        return NOT_ALL if one.differences else DONE
    return _tell(found, len(wanted), json=json)


def _tell(found: Sequence[Drift], compared: int, *, json: bool) -> int:
    rows = [(one.server.name, *_row(d)) for one in found for d in one.differences]
    if json:
        output.put_json({"servers": [_as_json(one, compared) for one in found]})
    elif rows:
        output.table(_OF_MANY, rows)
    unread = [one for one in found if one.error is not None]
    for one in unread:
        output.say(f"{clean(one.server.name)} could not be compared: {one.error}")
    differ = sum(bool(one.differences) for one in found)
    said = f"{differ} of {len(found)} servers differ from the profile, in {len(rows)} settings"
    output.say(f"{said}; {len(unread)} could not be compared." if unread else f"{said}.")
    if unread:
        return max(one.error.exit_code for one in unread if one.error is not None)
    return NOT_ALL if differ else DONE


def _row(difference: Difference) -> tuple[str, str, str]:
    show = difference.setting.kind.show
    return difference.setting.key, show(difference.is_), show(difference.wanted)


def _as_json(one: Drift, compared: int) -> dict[str, Any]:
    """A comparison as a document (a contract); one that could not be made has an ``error``."""
    if one.reading is None:
        return {"server": one.server.name, "compared": 0, "differences": [], "error": str(one.error)}
    rows = [
        {"key": d.setting.key, "value": d.setting.kind.dump(d.is_), "wanted": d.setting.kind.dump(d.wanted)}
        for d in one.differences
    ]
    return {"server": one.reading.server, "compared": compared, "differences": rows}
