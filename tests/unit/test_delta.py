"""The language between reader and index: what it takes; nothing else gets past it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.queue.delta import Counts, Done, Gone, Moved, Problem, Rows, parse
from mtatui.queue.index import Index
from mtatui.queue.message import State


@pytest.mark.parametrize(
    ("line", "delta"),
    [
        (b'["counts", {"deferred": 3}]', Counts({State.DEFERRED: 3})),
        (b'["rows", [["ABCDE"]]]', Rows([["ABCDE"]])),
        (b'["moved", "hold", ["ABCDE"]]', Moved(State.HOLD, ["ABCDE"])),
        (b'["gone", ["ABCDE"]]', Gone(["ABCDE"])),
        (b'["problem", "hold/X", "cannot be read"]', Problem("hold/X", "cannot be read")),
        (b'["done", 12.5, 0, {"hold": 0}]', Done(12.5, 0.0, {State.HOLD: 0})),
    ],
)
def test_every_kind_of_line(line: bytes, delta: Any) -> None:
    assert parse(line) == delta


@pytest.mark.parametrize(
    "line",
    [
        b"Welcome to mail1!",
        b"[]",
        b"5",
        b'["nosuch", 1]',
        b'["counts", 5]',
        b'["counts", {"deferred": -1}]',
        b'["counts", {"deferred": Infinity}]',
        b'["counts", {"nosuch": 1}]',
        b'["rows", 5]',
        b'["rows", [], 5]',
        b'["moved", "hold", [5]]',
        b'["gone", "ABCDE"]',
        b'["gone", [["ABCDE"]]]',
        b'["problem", 5, ""]',
        b'["done", "now", 0, {}]',
        b'["done", 1, NaN, {}]',
        b'["done", 1, 1e999, {}]',
        b"[" * 100_000,
        b'["gone", ["\xff"]]',
    ],
)
def test_what_is_not_of_the_language_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a line of the reader"):
        parse(line)


_words = st.sampled_from(["counts", "rows", "moved", "gone", "problem", "done", "hold", "ABCDE", "a/b"])
_anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), _words),
    lambda inner: st.one_of(st.lists(inner, max_size=12), st.dictionaries(_words, inner, max_size=2)),
    max_leaves=20,
)
_lines = st.builds(
    lambda kind, rest: [kind, *rest],
    st.sampled_from(["counts", "rows", "moved", "gone", "problem", "done"]),
    st.lists(_anything, max_size=3),
)


_ROW = ["AAAAA", "hold", 1, 1, 1, "s@a.test", "", "", "", "", "", [["r@b.test", "why", "4.4.1", 0, ""]]]
_lines |= st.builds(
    lambda place, value: ["rows", [[*_ROW[:place], value, *_ROW[place + 1 :]], _ROW]],
    st.integers(0, len(_ROW) - 1),
    _anything,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_lines, max_size=5))
def test_what_is_taken_for_a_line_the_index_takes_in(lines: list[Any]) -> None:
    """Whatever a server sends is refused as a whole, or taken in without harm: there is no third way."""
    index = Index()
    index.part("other").apply(Rows([["ABCDE", "hold", 1, 1, 1, "", "", "", "", "", "", []]]))
    part = index.part("mx1")
    part.restart()
    for line in lines:
        try:
            delta = parse(json.dumps(line))
        except ValueError:
            continue
        part.apply(delta)
    index.counts()
    assert index.message("other/ABCDE") is not None
