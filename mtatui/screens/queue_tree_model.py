"""The tree of the queue page: servers, their states, their facets; and what each node means as a filter.

A *place* is a state, of all servers (``deferred``) or of one (``mx1/deferred``). The key of a node says what
it stands for: ``server:`` (all), ``server:mx1``, ``tag:prod``, ``state:PLACE``, ``facet:PLACE:FACET``,
``value:PLACE:TERM``. A lone server has no places but its states, and the tree has no level more.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtatui.fleet.condition import Condition, Phase
from mtatui.queue.facets import Facet
from mtatui.queue.message import State, key, split
from mtatui.queue.query import Query
from mtatui.queue.terms import Term
from mtatui.text import ago
from mtatui.widgets.queue_tree import Node
from mtatui.widgets.states import LOOKS

if TYPE_CHECKING:
    from mtatui.screens.queue_model import Tally

#: The states in the order of the tree; those in the second row are shown only when they are not empty.
ALWAYS = (State.ACTIVE, State.CORRUPT, State.DEFERRED, State.INCOMING, State.HOLD)
WHEN_THERE = (State.MAILDROP, State.TRASH)
FACETS = {
    Facet.REASON: "by reason",
    Facet.DOMAIN: "by domain",
    Facet.SENDER: "by sender",
    Facet.SENDER_DOMAIN: "by sender domain",
    Facet.IP: "by origin IP",
    Facet.USER: "by login",
    Facet.AGE: "by age",
}
#: Seconds after which it is told when a server's queue was looked at last.
OLD = 60.0
#: The fields that say which server is meant.
_WHERE = ("server", "tag")


@dataclass(frozen=True, slots=True)
class Branch:
    """A server in the tree: its name, and how it is."""

    name: str
    condition: Condition

    @property
    def counts_unknown(self) -> Collection[State]:
        """States of which nobody can tell how many messages they hold."""
        return (State.CORRUPT,) if self.condition.phase is Phase.LIMITED else ()


# --- what a node means as a filter ---


def narrowed(query: Query, key: str) -> Query:
    """A filter narrowed to what a node stands for."""
    kind, _, rest = key.partition(":")
    if kind == "server":
        query = query.without("state", *_WHERE)
        return query.narrowed("server", rest) if rest else query
    if kind == "tag":
        return query.without("state", *_WHERE).narrowed("tag", rest)
    place, _, term = rest.partition(":")
    server, state = split(place)
    query = query.without(*_WHERE).narrowed("state", state)
    if server:
        query = query.narrowed("server", server)
    return query.adding(term) if kind == "value" else query


def state(query: Query) -> State | None:
    """The one state that a filter asks for, None where it asks for none or several."""
    states = [term.value for term in _terms(query) if term.field == "state"]
    return State(str(states[0])) if len(states) == 1 else None


def only(query: Query, field: str) -> str:
    """The one server, or tag, that a filter asks for by its whole name; "" for none, or several."""
    asked = [term for term in _terms(query) if term.field == field]
    return str(asked[0].value) if len(asked) == 1 and asked[0].op == "=" else ""


def chosen(query: Query) -> str:
    """The key of the node that a filter stands for."""
    server, of, tag = only(query, "server"), state(query), only(query, "tag")
    if tag and not server:
        return f"tag:{tag}"  # a tag has no states of its own in the tree
    if of is None:
        return f"server:{server}"
    place = key(server, of)
    terms = [term for term in _terms(query) if term.field not in ("state", *_WHERE)]
    return f"value:{place}:{terms[-1]}" if terms else f"state:{place}"


def _terms(query: Query) -> list[Term]:
    return [part for part in query.parts if isinstance(part, Term)]


# --- the lines ---


def alone(branch: Branch, tally: Tally, unfolded: Collection[str]) -> list[Node]:
    """The tree of a lone server."""
    counts = tally.counts.get("", {})
    return [
        Node("server:", branch.name, _total(counts), expandable=False, glyph="▾"),
        *_states("", counts, 1, tally, unfolded, branch.counts_unknown),
    ]


def many(
    branches: Sequence[Branch],
    tags: Mapping[str, Sequence[str]],
    tally: Tally,
    unfolded: Collection[str],
) -> list[Node]:
    """The tree of several servers: all of them, by tag, each."""
    counts = tally.counts.get("", {})
    nodes = [Node("server:", "All servers", _total(counts), expandable=True, expanded="server:" in unfolded)]
    if "server:" in unfolded:
        nodes += _states("", counts, 1, tally, unfolded, ())
    for tag in sorted({tag for its in tags.values() for tag in its}):
        of = [branch.name for branch in branches if tag in tags.get(branch.name, ())]
        number = sum(_total(tally.counts.get(name, {})) for name in of)
        nodes.append(Node(f"tag:{tag}", tag, number, glyph="#"))
    for branch in branches:
        nodes += _branch(branch, tally, unfolded)
    return nodes


def _branch(branch: Branch, tally: Tally, unfolded: Collection[str]) -> Iterator[Node]:
    node = f"server:{branch.name}"
    counts, open_ = tally.counts.get(branch.name, {}), node in unfolded
    said, role, told = _said(branch.condition, _total(counts))
    yield Node(node, branch.name, said, expandable=True, expanded=open_, role=role, count_role=told)
    if open_:
        yield from _states(branch.name, counts, 1, tally, unfolded, branch.counts_unknown)


def _said(condition: Condition, total: int) -> tuple[int | str, str, str]:
    """What stands behind a server's name, the colour of its line, and that of what stands there."""
    match condition.phase:
        case Phase.TROUBLE:
            waited = time.time() - condition.since
            return f"no answer {ago(waited)}" if waited >= 60 else "no answer", "dim", "danger"
        case Phase.ASKING:
            return "asks you", "dim", "warning"
        case Phase.OPENING:
            return "opening", "dim", ""
        case Phase.READING:
            return f"reading {total:,}", "", "accent"
    if condition.stopped:
        return f"stopped {total:,}", "", "danger"
    if condition.phase is Phase.LIMITED:
        return f"limited {total:,}", "", "warning"
    if condition.scanned and (old := time.time() - condition.scanned) >= OLD:
        return f"{ago(old)} ago {total:,}", "", "warning"
    return total, "", ""


def _states(
    server: str,
    counts: Mapping[State, int],
    depth: int,
    tally: Tally,
    unfolded: Collection[str],
    unknown: Collection[State],
) -> Iterator[Node]:
    for of in (*ALWAYS, *WHEN_THERE):
        number = counts.get(of, 0)
        if not number and of in WHEN_THERE:
            continue
        place = key(server, of)
        look, open_ = LOOKS[of], f"state:{place}" in unfolded
        shown, role = ("?", "dim") if of in unknown else (number, look.role)
        yield Node(f"state:{place}", look.label, shown, depth, bool(number), open_, look.glyph, role)
        if open_ and number:
            yield from _facets(place, depth + 1, tally, unfolded)


def _facets(place: str, depth: int, tally: Tally, unfolded: Collection[str]) -> Iterator[Node]:
    for by, label in FACETS.items():
        node = f"facet:{place}:{by}"
        open_ = node in unfolded
        yield Node(node, label, None, depth, True, open_, selectable=False)
        if open_:
            for one in tally.facets.get((place, by), ()):
                yield Node(f"value:{place}:{one.term}", one.label, one.messages, depth + 1)


def _total(counts: Mapping[State, int]) -> int:
    return sum(number for of, number in counts.items() if of is not State.TRASH)
