"""What a feed says about the queue, line by line: the language between the reader and the index.

The reader (`mtatui.backends.postfix.spool`, a child process) writes each of these as one JSON array a line,
``[kind, …]``; `parse` reads it. A scan begins with counts as the directories are listed, goes on with rows
(new or changed messages, whole), moves and goners, and ends with exactly one `Done`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from mtatui.queue.message import Row, State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages each state holds, before all of them have been read."""

    counts: dict[State, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """Messages that are new or have changed; each replaces what was known under its ID."""

    rows: list[Row]


@dataclass(frozen=True, slots=True)
class Moved:
    """Messages that are in another state now and otherwise as they were."""

    state: State
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Gone:
    """Messages that are in no queue directory any more."""

    ids: list[str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read; the rest goes on."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """A scan is complete: when it began (epoch seconds), what it cost (seconds), what was counted."""

    at: float
    cost: float
    counts: dict[State, int]


Delta = Counts | Rows | Moved | Gone | Problem | Done


def parse(line: bytes | str) -> Delta:
    """Read one line of the reader.

    Raises:
        ValueError: the line is not of this language (a server may be hostile, or its shell noisy).
    """
    try:
        kind, *rest = json.loads(line)
        delta: Delta = _KINDS[kind](*rest)
        return delta
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"not a line of the reader: {line[:80]!r}") from error


def _rows(rows: Any) -> Rows:
    return Rows(_of(list, rows))  # what is in them is looked at when they are taken in


def _ids(ids: Any) -> list[str]:
    return [_of(str, id) for id in _of(list, ids)]


def _counts(counts: Any) -> dict[State, int]:
    return {State(name): int(_number(number)) for name, number in counts.items()}


def _number(number: Any) -> float:
    if not 0 <= number < _LARGEST:
        raise ValueError
    return float(number)


def _of(kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise TypeError
    return value


_LARGEST = 2**53
_KINDS: dict[str, Any] = {
    "counts": lambda counts: Counts(_counts(counts)),
    "rows": _rows,
    "moved": lambda state, ids: Moved(State(state), _ids(ids)),
    "gone": lambda ids: Gone(_ids(ids)),
    "problem": lambda path, text: Problem(_of(str, path), _of(str, text)),
    "done": lambda at, cost, counts: Done(_number(at), _number(cost), _counts(counts)),
}
