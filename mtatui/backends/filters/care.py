"""What the daemons beside Postfix need when their files change: asked of each, and joined by daemon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from mtatui.backends.filters.reading import Filters
from mtatui.settings.plan import Care, Edit

T = TypeVar("T")

#: The order in which they take their new files: each is asked by those after it.
_ORDER = ("freshclam", "clamd", "spamd", "opendkim", "amavis")


def care(edits: Iterable[Edit], filters: Filters) -> tuple[Care, ...]:
    """What they need, one for each daemon.

    Args:
        filters: as they will be.
    """
    edited = {edit.path: edit.after for edit in edits}
    found: dict[str, Care] = {}
    for component in filters.components():
        for one in component.care(edited, filters):
            there = found.get(one.service)
            found[one.service] = one if there is None else _joined(there, one)
    return tuple(sorted(found.values(), key=lambda one: (_ORDER.index(one.service), one.service)))


def _joined(one: Care, other: Care) -> Care:
    """What both want, each command once."""
    return replace(
        one,
        checks=_once(one.checks + other.checks),
        running=one.running or other.running,
        expected=one.expected or other.expected,
        take=_once(one.take + other.take),
        back=_once(one.back + other.back),
        probe=one.probe or other.probe,
        patience=max(one.patience, other.patience),
        logs=_once(one.logs + other.logs),
        explain=one.explain or other.explain,
        words=one.words if other.words in one.words else "; ".join(filter(None, (one.words, other.words))),
    )


def _once(found: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))
