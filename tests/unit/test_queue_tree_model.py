"""The tree of the queue page: what its lines say of each server, and what each means as a filter."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.fleet.condition import Condition, Phase
from mtatui.queue.message import State
from mtatui.queue.query import Query, parse
from mtatui.screens import queue_header, queue_tree_model
from mtatui.screens.queue_model import Tally
from mtatui.screens.queue_tree_model import Branch, chosen, narrowed
from mtatui.widgets.queue_tree import Node

LIVE = Condition(Phase.LIVE)
COUNTS = {
    "": {State.DEFERRED: 3, State.HOLD: 1, State.TRASH: 9},
    "mx1": {State.DEFERRED: 3, State.TRASH: 9},
    "mx2": {State.HOLD: 1},
}
TALLY = Tally(COUNTS, {}, frozenset())
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


def lines(unfolded: set[str], **conditions: Condition) -> dict[str, Node]:
    branches = [Branch(name, one) for name, one in conditions.items()]
    tags = {"mx1": ("in", "berlin"), "mx2": ("in",)}
    return {node.key: node for node in queue_tree_model.many(branches, tags, TALLY, unfolded)}


def test_all_servers_come_first_then_tags_then_each_server_with_what_it_holds_but_for_the_trash() -> None:
    nodes = lines(set(), mx1=LIVE, mx2=LIVE)
    assert list(nodes) == ["server:", "tag:berlin", "tag:in", "server:mx1", "server:mx2"]
    assert [node.count for node in nodes.values()] == [4, 3, 4, 3, 1]


def test_a_server_unfolds_into_its_own_states() -> None:
    nodes = lines({"server:mx1"}, mx1=LIVE, mx2=LIVE)
    assert nodes["state:mx1/deferred"].count == 3
    assert nodes["state:mx1/trash"].count == 9
    assert nodes["state:mx1/hold"].count == 0
    assert not any(key.startswith("state:mx2/") for key in nodes)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Condition(Phase.OPENING), "opening"),
        (Condition(Phase.ASKING, 1.0, "password:"), "asks you"),
        (Condition(Phase.READING), "reading 3"),
        (Condition(Phase.LIMITED, 0.0, "without root", 9990.0), "limited 3"),
        (Condition(Phase.LIVE, scanned=9990.0), 3),
        (Condition(Phase.LIVE, scanned=9700.0), "5m ago 3"),
        (Condition(Phase.LIVE, scanned=9990.0, stopped=True), "stopped 3"),
        (Condition(Phase.TROUBLE, 9990.0, "no route"), "no answer"),
        (Condition(Phase.TROUBLE, 9700.0, "no route"), "no answer 5m"),
    ],
    ids=str,
)
def test_how_a_server_is_stands_behind_its_name(
    condition: Condition, said: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 10000.0)
    assert lines(set(), mx1=condition, mx2=LIVE)["server:mx1"].count == said


def test_a_server_that_does_not_answer_is_grey_and_the_others_are_not() -> None:
    nodes = lines(set(), mx1=Condition(Phase.TROUBLE, 1.0, "no route"), mx2=LIVE)
    assert (nodes["server:mx1"].role, nodes["server:mx1"].count_role) == ("dim", "danger")
    assert nodes["server:mx2"].role == ""


def test_a_lone_server_has_no_level_more() -> None:
    nodes = queue_tree_model.alone(Branch("mx1", LIVE), TALLY, set())
    assert [node.key for node in nodes][:2] == ["server:", "state:active"]
    assert not any("/" in node.key for node in nodes)


@given(server=NAMES, state=st.sampled_from(State))
def test_what_a_node_means_is_what_is_marked_as_chosen(server: str, state: State) -> None:
    for node in ("server:", f"server:{server}", f"tag:{server}", f"state:{state}", f"state:{server}/{state}"):
        query = narrowed(parse("from:me"), node)
        assert str(parse(str(query))) == str(query), "what stands in the filter bar means the same"
        assert "from:me" in str(query), "what was typed stays"
        bare = narrowed(Query(), node)
        assert chosen(bare) == node


def test_another_node_takes_the_place_of_the_one_before() -> None:
    query = narrowed(narrowed(Query(), "state:mx1/deferred"), "tag:in")
    assert chosen(query) == "tag:in"
    assert chosen(narrowed(query, "server:mx2")) == "server:mx2"
    assert narrowed(query, "server:").everything


def test_a_state_under_a_tag_marks_the_tag_and_not_all_servers() -> None:
    query = narrowed(Query(), "tag:in").narrowed("state", "trash")
    assert chosen(query) == "tag:in"


def test_the_header_names_one_that_is_not_well_and_counts_several() -> None:
    trouble = Condition(Phase.TROUBLE, 1.0, "no route")
    one = queue_header.of_many({"mx1": trouble, "mx2": LIVE}, narrow=False)
    two = queue_header.of_many({"mx1": trouble, "mx2": trouble}, narrow=False)
    small = queue_header.of_many({"mx1": trouble, "mx2": Condition(Phase.OPENING)}, narrow=True)
    assert one[0] == ("✖ mx1: no answer · ", "danger")
    assert two[0] == ("✖ 2 servers do not answer · ", "danger")
    assert small == [("✖ 1 silent ", "danger"), ("reading 1/2", "accent")]


def test_the_line_of_the_cursor_says_since_when_and_why() -> None:
    text, severity = queue_header.of_cursor("mx1", Condition(Phase.TROUBLE, 1.0, "no route to host"))
    assert text.startswith("mx1: no answer since ")
    assert text.endswith(": no route to host")
    assert severity == "warning"
