"""Settings on the command line, as they are: as a table, one with all there is to know of it, as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mtatui.cli import output
from mtatui.cli.output import Column
from mtatui.settings.catalogue import PAGES
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.settings.current import Current, Finding, Reading
    from mtatui.settings.setting import Setting

_COLUMNS = (
    Column("Setting", 46, 50),  # a key is never cut: one types it
    Column("Value", 12, 60),
    Column("Set in", 8, 40),
    Column("Mind", 4, 80),
)


def list_settings(reading: Reading, chosen: Sequence[Setting]) -> None:
    """Settings in a table; what the lint found is said beside it."""
    output.table(_COLUMNS, [_row(setting, reading.of(setting)) for setting in chosen])
    if grave := [finding for finding in reading.findings if finding.grave]:
        for finding in grave:
            output.say(told_finding(finding))
    if rest := len(reading.findings) - len(grave):
        output.say(f"{rest} smaller things to mind: mtatui settings lint")


def _row(setting: Setting, current: Current) -> tuple[str, ...]:
    nowhere = current.unavailable and not current.explicit
    value = "–" if nowhere else setting.kind.show(current.value)
    return (setting.key, value, "–" if nowhere else _where(current), "; ".join(_mind(current)))


def _where(current: Current) -> str:
    return current.where if current.explicit else "default"


def _mind(current: Current) -> list[str]:
    mind = [current.unavailable] if current.unavailable else []
    if current.overrides:
        mind.append(f"not on {', '.join(override.service for override in current.overrides)}")
    return [*mind, current.note] if current.note else mind


def detail(setting: Setting, reading: Reading) -> list[str]:
    """One setting with all there is to know of it."""
    current = reading.of(setting)
    rows = [
        ("is", setting.help),
        ("costs", setting.cost),
        ("sender sees", setting.reply),
        ("default", setting.kind.show(current.default)),
        ("set in", _where(current)),
        *(("but on", f"{o.service}: {o.value}  ({o.where})") for o in current.overrides),
        ("mind", current.note),
        ("not here", current.unavailable),
        ("takes", ", ".join(setting.kind.offers) or setting.kind.takes),
        ("writes", setting.directive),
        ("manual", setting.manual),
    ]
    page = PAGES[setting.page].label
    wrapped = textwrap.TextWrapper(max(40, min(output.width(), 110)), subsequent_indent=" " * 15)
    value = setting.kind.show(current.value) if setting.kind.secret else setting.kind.text(current.value)
    return [
        f"{setting.key} = {clean(value)}",
        f"  {setting.label}   ({page}, {setting.section})",
        *(line for head, text in rows if text for line in wrapped.wrap(f"  {head:12} {clean(text)}")),
    ]


def reading_as_json(reading: Reading, chosen: Iterable[Setting]) -> dict[str, Any]:
    """A reading as a document (a contract). ``at`` is epoch seconds."""
    return {
        "server": reading.server,
        "at": round(reading.at, 3),
        "settings": {setting.key: _as_json(setting, reading.of(setting)) for setting in chosen},
        "changed_outside": list(reading.changed_outside),
        "findings": findings_as_json(reading.findings),
    }


def _as_json(setting: Setting, current: Current) -> dict[str, Any]:
    return {
        "value": setting.kind.dump(current.value),
        "default": setting.kind.dump(current.default),
        "explicit": current.explicit,
        "where": current.where or None,
        "overrides": [{"service": o.service, "value": o.value, "where": o.where} for o in current.overrides],
        "note": current.note or None,
        "unavailable": current.unavailable or None,
        "label": setting.label,
        "directive": setting.directive,
    }


def told_finding(finding: Finding) -> str:
    """A finding in one line."""
    where = f"  [{finding.where}]" if finding.where else ""
    mends = f"  (see {finding.setting})" if finding.setting else ""
    return clean(f"{'grave' if finding.grave else 'minor'}  {finding.id}: {finding.text}{where}{mends}")


def findings_as_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """What the lint found as a document (a contract)."""
    return [
        {
            "id": finding.id,
            "grave": finding.grave,
            "text": finding.text,
            "setting": finding.setting or None,
            "where": finding.where or None,
        }
        for finding in findings
    ]
