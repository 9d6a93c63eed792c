"""One index for several servers: what one of them says touches no other, and all are asked together."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.queue.delta import Counts, Delta, Done, Gone, Moved, Problem, Rows
from mtatui.queue.facets import Facet
from mtatui.queue.index import Index, Sort, SortField
from mtatui.queue.message import State, key, split
from mtatui.queue.query import parse
from tests.unit.test_index import NOW, ids, row

EVERYTHING = parse("state:trash OR -state:trash")


def fleet(**queues: list[list[Any]]) -> Index:
    index = Index()
    for name, rows in queues.items():
        index.part(name).apply(Rows(rows))
    return index


# --- keys ------------------------------------------------------------------------------------------------


@given(st.sampled_from(["", "mx1", "mx-2.a.test"]), st.from_regex(r"[A-Za-z0-9]{5,16}", fullmatch=True))
def test_a_key_can_be_taken_apart(server: str, queue_id: str) -> None:
    assert split(key(server, queue_id)) == (server, queue_id)


def test_the_same_id_on_two_servers_is_two_messages() -> None:
    index = fleet(mx1=[row("AAAAA", sender="one@a.test")], mx2=[row("AAAAA", "hold", sender="two@a.test")])
    assert ids(index, "id:AAAA", Sort(SortField.SERVER)) == ["mx1/AAAAA", "mx2/AAAAA"]
    message = index.message("mx2/AAAAA")
    assert message is not None
    assert (message.server, message.queue_id, message.sender) == ("mx2", "AAAAA", "two@a.test")
    assert index.message("AAAAA") is None
    assert index.states_of(["mx1/AAAAA", "mx2/AAAAA", "mx3/AAAAA"]) == {
        "mx1/AAAAA": State.DEFERRED,
        "mx2/AAAAA": State.HOLD,
    }
    selection = index.select(["mx2/AAAAA"], NOW)
    assert [target.identity.id for target in selection.targets] == ["mx2/AAAAA"]


def test_a_lone_server_has_plain_ids() -> None:
    index = Index()
    index.apply(Rows([row("AAAAA")]))
    (line,) = index.rows(index.view(EVERYTHING, Sort(), NOW), 0, 1)
    assert line is not None
    assert (line.id, line.queue_id, line.server) == ("AAAAA", "AAAAA", "")
    assert index.blast_radius(index.select(["AAAAA"], NOW)).servers == ()


# --- whose word counts -----------------------------------------------------------------------------------


def test_what_one_server_says_touches_no_other() -> None:
    index = fleet(mx1=[row("AAAAA"), row("BBBBB")], mx2=[row("AAAAA"), row("BBBBB")])
    index.part("mx1").apply(Gone(["AAAAA", "mx2/AAAAA", "../mx2/AAAAA"]))
    index.part("mx1").apply(Moved(State.HOLD, ["BBBBB", "mx2/BBBBB"]))
    index.part("mx1").apply(Rows([row("mx2/BBBBB", sender="forged@a.test")]))
    assert sorted(map(str, ids(index))) == ["mx1/BBBBB", "mx2/AAAAA", "mx2/BBBBB"]
    assert ids(index, "state:hold") == ["mx1/BBBBB"]
    assert ids(index, "from:forged") == []
    assert [problem.text for problem in index.problems] == [
        "the reader sent a row that makes no sense; it is left out"
    ]


def test_a_server_without_a_name_cannot_speak_for_one_with() -> None:
    index = fleet(mx1=[row("AAAAA"), row("BBBBB")])
    index.apply(Rows([row("mx1/AAAAA", sender="forged@a.test"), row("CCCCC")]))
    index.apply(Gone(["mx1/AAAAA"]))
    index.apply(Moved(State.HOLD, ["mx1/BBBBB"]))
    assert sorted(map(str, ids(index))) == ["CCCCC", "mx1/AAAAA", "mx1/BBBBB"]
    assert ids(index, "state:hold OR from:forged") == []
    assert index.counts(["mx1"])[State.DEFERRED] == 2
    assert ids(index, "id:C server:none") == ["CCCCC"]


def test_a_feed_that_begins_anew_forgets_only_its_own() -> None:
    index = fleet(mx1=[row("AAAAA"), row("BBBBB")], mx2=[row("AAAAA")])
    part = index.part("mx1")
    part.restart()
    index.part("mx2").apply(Rows([row("CCCCC")]))
    part.apply(Rows([row("BBBBB")]))
    index.part("mx2").apply(Done(1.0, 0.1, {}))
    part.apply(Done(1.0, 0.1, {}))
    assert sorted(map(str, ids(index))) == ["mx1/BBBBB", "mx2/AAAAA", "mx2/CCCCC"]


def test_each_server_has_its_own_counts_and_problems() -> None:
    index = fleet(mx1=[row("AAAAA")], mx2=[row("AAAAA", "hold")])
    index.part("mx1").apply(Counts({State.DEFERRED: 40}))
    index.part("mx2").apply(Problem("hold/X", "cannot be read"))
    assert index.counts(["mx1"])[State.DEFERRED] == 40
    assert index.counts(["mx2", "nosuch"]) == index.part("mx2").counts()
    assert (index.counts()[State.DEFERRED], index.counts()[State.HOLD]) == (40, 1)
    assert index.part("mx1").problems == []
    assert index.problems == [Problem("hold/X", "cannot be read")]


def test_generations_tell_whose_queue_has_changed() -> None:
    index = fleet(mx1=[row("AAAAA")], mx2=[row("AAAAA")])
    before = index.generation, index.part("mx1").generation, index.part("mx2").generation
    index.part("mx2").apply(Gone(["AAAAA"]))
    assert index.generation > before[0]
    assert index.part("mx1").generation == before[1]
    assert index.part("mx2").generation > before[2]


def test_a_server_that_is_dropped_leaves_nothing_and_may_come_back() -> None:
    index = fleet(mx1=[row("AAAAA")], mx2=[row("AAAAA"), row("BBBBB")])
    index.tags = {"mx2": ("eu",)}
    old = index.part("mx2")
    generation = index.generation
    old.drop()
    assert index.generation > generation
    old.apply(Rows([row("CCCCC")]))
    old.apply(Counts({State.HOLD: 9}))
    old.restart()
    assert ids(index) == ["mx1/AAAAA"]
    assert sum(index.counts().values()) == 1
    assert ids(index, "tag:eu OR id=BBBBB") == []
    index.part("mx2").apply(Rows([row("DDDDD")]))
    assert ids(index, "tag:eu") == ["mx2/DDDDD"]
    assert [count.value for count in index.facets(EVERYTHING, Facet.SERVER, 9, NOW)] == ["mx1", "mx2"]


# --- asking all, some, one -------------------------------------------------------------------------------


def test_servers_are_chosen_by_name_and_by_tag() -> None:
    index = fleet(mx1=[row("AAAAA")], mx2=[row("BBBBB")], relay=[row("CCCCC")])
    index.tags = {"mx1": ("prod", "eu"), "mx2": ("prod",)}
    assert ids(index, "server=mx2") == ["mx2/BBBBB"]
    assert ids(index, "server:mx", Sort(SortField.SERVER, descending=True)) == ["mx2/BBBBB", "mx1/AAAAA"]
    assert sorted(map(str, ids(index, "tag:prod -tag:eu OR server:/^re/"))) == ["mx2/BBBBB", "relay/CCCCC"]
    assert ids(index, "tag:none") == ["relay/CCCCC"]
    assert ids(index, "server:nosuch OR tag:nosuch") == []
    index.tags = {"relay": ("prod",)}
    assert ids(index, "tag:prod") == ["relay/CCCCC"]


def test_an_id_is_looked_for_on_all_servers_or_on_the_one_it_names() -> None:
    index = fleet(mx1=[row("AAAAA"), row("mx2AA")], mx2=[row("AAAAA")])
    everywhere = ["mx1/AAAAA", "mx2/AAAAA"]
    assert sorted(map(str, ids(index, "id=AAAAA"))) == everywhere
    assert sorted(map(str, ids(index, "aaa"))) == everywhere
    assert ids(index, "id:mx2") == ["mx1/mx2AA"]
    assert ids(index, "id=mx2/AAAAA") == ids(index, "id:mx2/A") == ids(index, "mx2/AAA") == ["mx2/AAAAA"]


def test_the_blast_radius_names_the_servers() -> None:
    index = fleet(mx1=[row("AAAAA")], mx2=[row("AAAAA"), row("BBBBB")], mx3=[row("CCCCC", "hold")])
    radius = index.blast_radius(index.select(parse("state:deferred"), NOW))
    assert radius.servers == (("mx2", 2), ("mx1", 1))
    assert (radius.messages, radius.recipients) == (3, 3)


# --- a model ---------------------------------------------------------------------------------------------

_some_ids = st.sampled_from(["AAAAA", "BBBBB", "CCCCC", "aaaaa"])
_deltas: st.SearchStrategy[Delta | str] = st.one_of(
    st.lists(st.builds(row, _some_ids, st.sampled_from([*map(str, State)])), max_size=4).map(Rows),
    st.builds(Moved, st.sampled_from(list(State)), st.lists(_some_ids, max_size=3)),
    st.builds(Gone, st.lists(_some_ids, max_size=3)),
    st.just(Done(1.0, 0.1, {})),
    st.sampled_from(["restart", "restart", "drop"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["mx1", "mx2", "mx3"]), _deltas), max_size=16))
def test_deltas_do_to_parts_what_they_do_to_dicts(story: list[tuple[str, Delta | str]]) -> None:
    index, model = Index(), dict[str, dict[str, str]]()
    untold = dict[str, set[str]]()
    for name, delta in story:
        part, held = index.part(name), model.setdefault(name, {})
        match delta:
            case "restart":
                part.restart()
                untold[name] = set(held)
                continue
            case "drop":
                part.drop()
                del model[name]
                untold.pop(name, None)
                continue
            case Rows(rows):
                held.update({r[0]: r[1] for r in rows})
                untold.get(name, set()).difference_update(r[0] for r in rows)
            case Moved(state, moved):
                held.update({i: str(state) for i in moved if i in held})
            case Gone(gone):
                for i in gone:
                    held.pop(i, None)
            case Done():
                for i in untold.pop(name, ()):
                    held.pop(i, None)
        part.apply(delta)  # type: ignore[arg-type]  # the words are done with
    wanted = {key(name, i): State(state) for name, held in model.items() for i, state in held.items()}
    assert index.states_of([*wanted, "mx1/nosuch"]) == wanted
    assert sorted(map(str, ids(index, str(EVERYTHING)))) == sorted(wanted)
    for name, held in model.items():
        states = Counter(held.values())
        assert index.counts([name]) == {state: states[state] for state in State}
    counted = {count.value: count.messages for count in index.facets(EVERYTHING, Facet.SERVER, 9, NOW)}
    assert counted == {name: len(held) for name, held in model.items() if held}
