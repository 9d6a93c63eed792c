"""Reads what SpamAssassin and clamd's configuration say: tables of rules, sizes.

Source: Mail::SpamAssassin::Conf(3), "TEMPLATE TAGS" (_SUMMARY_, _TESTSSCORES_); clamd.conf(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mtatui.text import clean

#: Characters of a report that are read, and rules.
LONGEST, MOST = 256 * 1024, 500

#: A line of the table: points, name, description. What is indented further goes on with the one before.
_ROW = re.compile(r"[ *]{0,5}(-?\d+(?:\.\d+)?|n/a)[ \t]+([A-Za-z_]\w*)(?:[ \t]+(\S.*))?", re.ASCII)
_SCORE = re.compile(r"([A-Za-z_]\w*)=(-?\d+(?:\.\d+)?)", re.ASCII)
_FURTHER = re.compile(r"[ *]{12,}(\S.*)")
_SIZE = re.compile(r"(\d{1,12})([kKmMgG]?)")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of SpamAssassin that matched. All texts are clean."""

    name: str
    points: float
    description: str = ""


def rules(summary: str, scores: str = "") -> tuple[Rule, ...]:
    """The rules of a report, most points first.

    Args:
        summary: the table: points with one digit, names, descriptions; anything else around it is no matter.
        scores: ``NAME=points,…``, which are exact; those of the table count where there are none.
    """
    found: dict[str, Rule] = {}
    last = ""
    for line in summary[:LONGEST].split("\n"):
        row = _ROW.match(line.rstrip("\r"))
        if row is not None and len(found) < MOST:
            last = row[2]
            points = 0.0 if row[1] == "n/a" else float(row[1])
            found.setdefault(last, Rule(last, points, clean(row[3] or "").strip()))
        elif last and (further := _FURTHER.match(line)):
            text = f"{found[last].description} {clean(further[1])}".strip()
            found[last] = replace(found[last], description=text)
        else:
            last = ""
    for name, points_text in _SCORE.findall(scores[:LONGEST])[:MOST]:
        known = found.get(name, Rule(name, 0.0))
        found[name] = replace(known, points=float(points_text))
    return tuple(sorted(found.values(), key=lambda rule: (-rule.points, rule.name)))


def bytes_of(text: str) -> int:
    """A size as clamd.conf writes it (``25M``), in bytes; 0 for what is none, and for no limit."""
    match = _SIZE.fullmatch(text.strip())
    return int(match[1]) * 1024 ** " kmg".index(match[2].lower() or " ") if match else 0
