"""The index as its feed and its callers use it: deltas in, counts, rows, selections out."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.queue import intake, store
from mtatui.queue.delta import Counts, Delta, Done, Gone, Moved, Problem, Rows, parse
from mtatui.queue.facets import Facet
from mtatui.queue.index import Index, Sort, SortField
from mtatui.queue.message import Identity, Message, State
from mtatui.queue.query import Query
from mtatui.queue.query import parse as query
from mtatui.queue.selection import Target

NOW = 1_780_000_000
TIMED_OUT = "connect to mx.down.test[192.0.2.1]:25: Connection timed out"


def row(
    id: str, state: str = "deferred", *, arrival: int = NOW - 100, to: Any = (), **known: Any
) -> list[Any]:
    recipients = [list(r) for r in to] or [["r@x.test", TIMED_OUT, "4.4.1", 0, ""]]
    return [
        id,
        state,
        arrival,
        known.get("size", 1000),
        known.get("mtime", NOW + 60),
        known.get("sender", "s@y.test"),
        *known.get("origin", ("192.0.2.9", "h.test", "h", "ann", "")),
        recipients,
    ]


def index_of(*rows: list[Any]) -> Index:
    index = Index()
    index.apply(Rows(list(rows)))
    return index


def ids(index: Index, text: str = "", sort: Sort | None = None) -> list[str | None]:
    view = index.view(query(text), sort or Sort(), NOW)
    return [line.id if line else None for line in index.rows(view, 0, len(view))]


# --- what the feed says ----------------------------------------------------------------------------------


def test_the_oldest_stand_first() -> None:
    index = index_of(row("BBBBB", arrival=20), row("AAAAA", arrival=30), row("CCCCC", arrival=10))
    assert ids(index) == ["CCCCC", "BBBBB", "AAAAA"]
    assert ids(index, sort=Sort(SortField.AGE, descending=True)) == ["AAAAA", "BBBBB", "CCCCC"]


def test_a_known_id_is_replaced_whole_and_keeps_its_place_in_views() -> None:
    index = index_of(
        row("AAAAA", to=[["a@x.test", "", "", 0, ""], ["b@x.test", "", "", 0, ""]]), row("BBBBB")
    )
    view = index.view(Query(), Sort(), NOW)
    reused = row("AAAAA", "hold", sender="other@z.test", size=5, to=[["c@q.test", "", "", 0, ""]])
    index.apply(Rows([row("CCCCC"), reused]))
    assert index.message("AAAAA") == Message.from_row(reused)
    first = index.rows(view, 0, 1)[0]
    assert first is not None
    assert (first.sender, first.recipient, first.recipients) == ("other@z.test", "c@q.test", 1)
    assert ids(index, "domain=x.test") == ["BBBBB", "CCCCC"]
    assert index.counts()[State.HOLD] == 1
    assert index.counts()[State.DEFERRED] == 2


def test_the_last_row_of_an_id_counts() -> None:
    index = index_of(row("AAAAA", "active"), row("AAAAA", "hold"))
    assert ids(index, "state:hold") == ["AAAAA"]
    assert sum(index.counts().values()) == 1


def test_gone_messages_leave_a_gap_in_older_views() -> None:
    index = index_of(row("AAAAA"), row("BBBBB"))
    view = index.view(Query(), Sort(), NOW)
    index.apply(Gone(["AAAAA", "nosuch"]))
    assert [line and line.id for line in index.rows(view, 0, 5)] == [None, "BBBBB"]
    assert index.message("AAAAA") is None
    assert index.position(view, "AAAAA") is None
    assert index.position(view, "BBBBB") == 1
    assert index.unknown(["BBBBB", "AAAAA", "x"]) == ["AAAAA", "x"]


def test_the_trash_is_left_out_unless_asked_for() -> None:
    index = index_of(row("AAAAA"), row("BBBBB", "trash"))
    assert ids(index) == ["AAAAA"]
    assert ids(index, "state:trash") == ["BBBBB"]
    assert ids(index, "state:trash OR from:s@") == ["AAAAA", "BBBBB"]
    assert index.counts()[State.TRASH] == 1


def test_counts_are_the_announced_ones_while_a_scan_runs() -> None:
    index = Index()
    index.apply(Counts({State.DEFERRED: 7, State.HOLD: 1}))
    index.apply(Rows([row("AAAAA")]))
    assert index.counts()[State.DEFERRED] == 7
    index.apply(Done(1.0, 0.5, {State.DEFERRED: 7}))
    assert index.counts()[State.DEFERRED] == 1
    assert index.counts()[State.HOLD] == 0
    assert index.done == Done(1.0, 0.5, {State.DEFERRED: 7})


def test_the_generation_grows_with_changes_only() -> None:
    index = Index()
    seen = [index.generation]
    counts = {State.DEFERRED: 1}
    for delta in (
        Counts(counts),
        Rows([row("AAAAA")]),
        Done(1.0, 0.1, counts),
        Counts(counts),
        Done(2.0, 0.1, counts),
    ):
        index.apply(delta)
        seen.append(index.generation)
    assert seen[0] < seen[1] < seen[2]
    assert seen[3:] == [seen[3]] * 3
    index.apply(Moved(State.HOLD, ["AAAAA"]))
    assert index.generation > seen[-1]


def test_after_a_restart_what_is_not_told_again_is_gone() -> None:
    index = index_of(row("AAAAA"), row("BBBBB"), row("CCCCC"))
    index.restart()
    index.apply(Rows([row("BBBBB", "hold"), row("DDDDD")]))
    assert len(ids(index)) == 4
    index.apply(Done(1.0, 0.1, {}))
    assert sorted(map(str, ids(index))) == ["BBBBB", "DDDDD"]
    assert sum(index.counts().values()) == 2
    index.apply(Rows([row("EEEEE")]))
    index.apply(Done(2.0, 0.1, {}))
    assert len(ids(index)) == 3


@pytest.mark.parametrize(
    "bad",
    [
        ["AAAAA"],
        row("AAAAA", "nosuchstate"),
        row("AAAAA", arrival="soon"),  # type: ignore[arg-type]  # what a hostile reader may send
        row("AAAAA", size=-1),
        row("AAAAA", size=2**70),
        row("AAAAA", size=1.5),
        row("AAAAA", sender=None),
        row("AAAAA", to=[["a@b", 5, "", 0, ""]]),
        row("AAAAA", to=[["a@b"]]),
        row("AAAAA", to=[["a@b", "", "", 0, ""], [["x"], "", "", 0, ""]]),
        [["list"], *row("AAAAA")[1:]],
        None,
    ],
)
def test_a_row_that_makes_no_sense_is_left_out_and_said(bad: Any) -> None:
    index = Index()
    index.apply(Rows([row("BBBBB"), bad, row("CCCCC", to=[["a@b", "", "", 0, ""], ["c@d", "", "", 0, ""]])]))
    assert sorted(map(str, ids(index))) == ["BBBBB", "CCCCC"]
    assert len(index.problems) == 1
    assert sum(index.counts().values()) == 2


def test_strangers_texts_are_cleaned_on_their_way_in() -> None:
    evil = "odd \x1b[2J\u202eevil\udcff"
    to = [[evil + "@" + evil, evil, evil, 0, evil], [evil, evil, "", 0, ""]]
    index = index_of(
        row("AAAAA", sender=evil + "@" + evil, origin=(evil,) * 5, to=to),
        row("B" + evil, to=[[evil, evil, "", 0, ""]]),
    )
    index.apply(Problem("deferred/" + evil, evil))
    told = [repr(index.message("AAAAA")), repr(index.problems), repr(ids(index))]
    told += [repr(index.facets(Query(), by, 9, NOW)) for by in Facet if by not in {Facet.AGE, Facet.SERVER}]
    told.append(repr(index.rows(index.view(Query(), Sort(), NOW), 0, 9)))
    for text in told:
        assert "evil" in text or "odd" in text
        assert not [sign for sign in ("\\x1b", "\\u202e", "\\udcff", "\x1b", "\u202e") if sign in text]


def test_problems_are_those_of_the_latest_scan() -> None:
    index = Index()
    index.apply(Problem("a", "gone"))
    assert index.problems == [Problem("a", "gone")]
    index.apply(Counts({}))
    assert index.problems == []


def test_what_a_scan_could_not_read_is_kept_while_it_counts_on() -> None:
    index = Index()
    for delta in (Counts({State.HOLD: 1}), Problem("hold/", "Permission denied"), Counts({State.HOLD: 1})):
        index.apply(delta)
    assert index.problems == [Problem("hold/", "Permission denied")]
    index.restart()
    assert index.problems == []


# --- a model ---------------------------------------------------------------------------------------------

_some_ids = st.sampled_from(["AAAAA", "BBBBB", "CCCCC", "DDDDD", "aaaaa"])
_to = st.lists(
    st.builds(
        lambda a, d: [a, "", "", d, ""], st.sampled_from(["a@x", "b@x", "c@y"]), st.sampled_from([0, 1])
    ),
    min_size=1,
    max_size=3,
)
_deltas: st.SearchStrategy[Delta] = st.one_of(
    st.lists(
        st.builds(
            lambda i, s, n, t: row(i, s, size=n, to=t),
            _some_ids,
            st.sampled_from([*map(str, State)]),
            st.integers(0, 9),
            _to,
        ),
        max_size=4,
    ).map(Rows),
    st.builds(Moved, st.sampled_from(list(State)), st.lists(_some_ids, max_size=3)),
    st.builds(Gone, st.lists(_some_ids, max_size=3)),
    st.just(Done(1.0, 0.1, {})),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_deltas, max_size=12))
def test_deltas_do_to_the_index_what_they_do_to_a_dict(deltas: list[Delta]) -> None:
    index, model = Index(), dict[str, list[Any]]()
    for delta in deltas:
        index.apply(delta)
        match delta:
            case Rows(rows):
                model.update({r[0]: r for r in rows})
            case Moved(state, moved):
                model.update({i: [i, str(state), *model[i][2:]] for i in moved if i in model})
            case Gone(gone):
                for i in gone:
                    model.pop(i, None)
    everything = query("state:trash OR -state:trash")
    found = index.view(everything, Sort(SortField.ID), NOW)
    assert [line and line.id for line in index.rows(found, 0, 99)] == sorted(model)
    for i, wanted in model.items():
        assert index.message(i) == Message.from_row(wanted)
    states = Counter(r[1] for r in model.values())
    assert index.counts() == {state: states[state] for state in State}
    assert index.states_of([*model, "nosuch"]) == {i: State(r[1]) for i, r in model.items()}
    waiting = {(i, r[0].rpartition("@")[2]) for i, m in model.items() for r in m[11] if not r[3]}
    lead = {(i, m[11][0][0].rpartition("@")[2]) for i, m in model.items() if all(r[3] for r in m[11])}
    domains = Counter(domain for _, domain in waiting | lead)
    assert {c.value: c.messages for c in index.facets(everything, Facet.DOMAIN, 9, NOW)} == domains


def test_what_is_shared_may_be_forgotten_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_REMEMBERED", 3)
    monkeypatch.setattr(store, "_SLACK", 0)
    index = Index()
    rows = [
        row(
            f"AAA{n:03}",
            origin=(f"192.0.2.{n % 7}", "h", "h", f"u{n % 5}", ""),
            to=[[f"r@d{n % 9}.test", f"odd {n % 4}", "", 0, ""]],
        )
        for n in range(63)
    ]
    index.apply(Rows(rows))
    for by, field in (
        (Facet.IP, lambda r: r[6]),
        (Facet.USER, lambda r: r[9]),
        (Facet.DOMAIN, lambda r: r[11][0][0][2:]),
    ):
        wanted = Counter(map(field, rows))
        assert {c.value: c.messages for c in index.facets(Query(), by, 99, NOW)} == wanted
    index.apply(Gone([r[0] for r in rows[5:]]))
    index.apply(Done(1.0, 0.1, {}))
    index.apply(Rows(rows[3:8]))
    assert [index.message(r[0]) for r in rows[:8]] == [Message.from_row(r) for r in rows[:8]]
    assert sum(c.messages for c in index.facets(Query(), Facet.USER, 99, NOW)) == 8


# --- selections ------------------------------------------------------------------------------------------


def test_a_selection_is_frozen() -> None:
    index = index_of(row("AAAAA", arrival=7, size=8, sender="s@t"), row("BBBBB", "hold", arrival=9))
    selection = index.select(query("from=s@t"), NOW)
    assert selection.targets == (Target(Identity("AAAAA", 7, 8, "s@t"), State.DEFERRED),)
    assert (selection.chosen_by, selection.at) == ("from=s@t", NOW)
    index.apply(Gone(["AAAAA"]))
    assert len(selection) == 1
    by_id = index.select(["BBBBB", "AAAAA"], NOW, "marked")
    assert [t.identity.id for t in by_id.targets] == ["BBBBB"]
    assert by_id.chosen_by == "marked"


def test_a_selection_of_a_view_keeps_its_order() -> None:
    index = index_of(*(row(f"AAA{n:02}", arrival=50 - n) for n in range(40)))
    view = index.view(Query(), Sort(), NOW)
    assert [t.identity.id for t in index.select(view, NOW).targets] == [
        f"AAA{n:02}" for n in reversed(range(40))
    ]


def test_the_blast_radius_says_what_would_be_touched() -> None:
    several = [
        ["a@x.test", "", "", 0, ""],
        ["b@y.test", "", "", 0, ""],
        ["c@y.test", "", "", 0, ""],
        ["d@z.test", "", "", 1, ""],
    ]
    index = index_of(
        row("AAAAA", arrival=500, size=10, sender="list@n.test", to=several),
        row("BBBBB", arrival=0, size=20, sender="list@n.test", to=[["e@Y.test", "", "", 0, ""]]),
        row("CCCCC", arrival=400, size=30, sender="", to=[["e@w.test", "", "", 1, ""]]),
        row("DDDDD", size=9999),
    )
    radius = index.blast_radius(index.select(["AAAAA", "BBBBB", "CCCCC"], NOW, ""))
    assert (radius.messages, radius.recipients, radius.bytes, radius.oldest) == (3, 4, 60, 400)
    assert (radius.domains, radius.domain_count) == ((("y.test", 3), ("x.test", 1)), 2)
    assert (radius.senders, radius.sender_count) == ((("list@n.test", 2), ("", 1)), 2)
    assert radius.partly_served == 1


# --- threads ---------------------------------------------------------------------------------------------


def test_rows_come_while_a_feed_applies_and_a_question_is_worked_on() -> None:
    """Nobody starves: the feed ends, the question ends with the right answer, every fetch is answered."""
    index = index_of(*(row(f"AAA{n:05}", sender=f"s{n}@y.test") for n in range(1000)))
    view = index.view(Query(), Sort(), NOW)
    fed, totals = threading.Event(), list[int]()

    def feed() -> None:
        for n in range(40):
            index.apply(Rows([row(f"BBB{n:02}{m:03}", "hold") for m in range(100)]))
        fed.set()

    def ask() -> None:
        while not fed.is_set():
            totals.append(len(index.view(query("state:deferred /s.*y/"), Sort(), NOW)))

    threads = [threading.Thread(target=feed), threading.Thread(target=ask)]
    for thread in threads:
        thread.start()
    fetched = 0
    while not fed.is_set():
        lines = index.rows(view, fetched % 900, fetched % 900 + 50)
        assert all(line is not None and line.id.startswith("AAA") for line in lines)
        fetched += 1
    for thread in threads:
        thread.join()
    assert totals
    assert set(totals) == {1000}
    assert index.total(query("state:hold"), NOW) == 4000


def test_lines_of_the_reader_come_through() -> None:
    index = Index()
    index.apply(
        parse(
            b'["rows", [["AAAAA", "active", 5, 6, 7, "a@b", "", "", "", "", "", [["c@d", "", "", 0, ""]]]]]'
        )
    )
    assert ids(index, "state:active") == ["AAAAA"]
