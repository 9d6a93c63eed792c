"""``--server``: which of the servers its words mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.cli.guard import Misused
from mtatui.cli.picking import TOLD, named, picked
from mtatui.config import ServerEntry

FLEET = [
    ServerEntry("mx1", tags=("in", "berlin")),
    ServerEntry("mx2", tags=("in", "paris")),
    ServerEntry("out.1", tags=("out",)),
    ServerEntry("outx1"),
]


def names(text: str) -> list[str]:
    return [entry.name for entry in picked(text, FLEET)]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("mx2", ["mx2"]),
        ("mx2,mx1", ["mx1", "mx2"]),
        ("all", ["mx1", "mx2", "out.1", "outx1"]),
        ("mx*", ["mx1", "mx2"]),
        ("*1", ["mx1", "out.1", "outx1"]),
        ("out?1", ["out.1", "outx1"]),
        ("out.1", ["out.1"]),
        ("@in", ["mx1", "mx2"]),
        ("@in, out.1 ", ["mx1", "mx2", "out.1"]),
        ("@b*,@out", ["mx1", "out.1"]),
        ("all,mx1", ["mx1", "mx2", "out.1", "outx1"]),
    ],
)
def test_words_and_what_they_mean(text: str, meant: list[str]) -> None:
    assert names(text) == meant


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mx9", r"no server is called 'mx9'; did you mean mx\d\? There are: mx1, mx2, out.1, outx1"),
        ("mx1,nowhere", r"called 'nowhere'; there are: mx1"),
        ("z*", r"no server has a name like 'z\*'"),
        ("@rome", r"no server has the tag 'rome'; there are: berlin, in, out, paris"),
        ("@", r"no server has the tag ''"),
        ("mx1,", r"one of them is empty"),
        ("MX1", r"no server is called 'MX1'"),
        ("mx[12]", r"no server is called 'mx\[12\]'"),
        ("mx[12]*", r"no server has a name like"),
        ("mx1\x1b[2J", r"called 'mx1␛\[2J'"),
    ],
)
def test_a_word_that_means_nobody_is_told(text: str, told: str) -> None:
    with pytest.raises(Misused, match=told):
        picked(text, FLEET)


def test_of_very_many_the_first_are_named() -> None:
    assert named(f"mx{n}" for n in range(TOLD + 30)).endswith("mx11 and 30 more")


WORDS = st.text("mxout12.*?@[]!-, inbrl", max_size=6) | st.sampled_from(["all", "mx1", "mx2", "@in"])


@given(st.lists(WORDS, min_size=1, max_size=4).map(",".join))
def test_any_text_means_servers_in_their_order_or_is_told(text: str) -> None:
    try:
        meant = picked(text, FLEET)
    except Misused:
        return
    assert meant
    assert meant == [entry for entry in FLEET if entry in meant]
    each = [entry for word in text.split(",") for entry in picked(word, FLEET)]
    assert {entry.name for entry in meant} == {entry.name for entry in each}


@given(st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}", fullmatch=True), unique=True, min_size=1))
def test_a_name_means_its_server_alone(servers: list[str]) -> None:
    entries = [ServerEntry(name) for name in servers if name != "all"]
    for entry in entries:
        assert picked(entry.name, entries) == [entry]
