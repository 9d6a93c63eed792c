"""Kinds of values of the filters: what is typed becomes what was meant, or is refused with the reason."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.filters.conf import Conf
from mtatui.settings.catalogue import ALL
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import (
    Address,
    Domains,
    Frequency,
    Mirrors,
    Prefix,
    Signatures,
    to_percent,
    to_points,
)

TAG, KILL = (ALL[f"filtering.spam_{name}_percent"].kind for name in ("tag", "kill"))


@pytest.mark.parametrize(
    ("text", "percent"),
    [
        ("33", 33.0), ("33%", 33.0), ("33 %", 33.0), ("33.5percent", 33.5), ("6.6p", 33.0),
        ("6.6 points", 33.0), ("score 6.6", 33.0), ("6.31p", 31.55), (".5", 0.5), ("0", 0.0), ("LOW", 33.0),
        ("medium", 20.0),
        ("High", 16.0), ("5000", 5000.0),
    ],
)  # fmt: skip
def test_levels_are_percent_points_or_names(text: str, percent: float) -> None:
    assert TAG.parse(text) == percent


@pytest.mark.parametrize(
    "text", ["", "x", "33%%", "score 33%", "1e3", "-1", "-0.1p", "5001", "nan", "3,5", "٣", "0x1"]
)
def test_what_is_no_level(text: str) -> None:
    with pytest.raises(Refused):
        TAG.parse(text)


@pytest.mark.parametrize("data", [math.nan, math.inf, -1, True, None, [], "medium\n", 10**400])
def test_what_is_no_level_in_a_profile(data: Any) -> None:
    with pytest.raises(Refused):
        TAG.load(data)


def test_levels_are_shown_with_their_names_and_scores() -> None:
    assert TAG.show(33.0) == "Low · 33 % = 6.6"
    assert KILL.show(75.0) == "Medium · 75 % = 15"
    assert KILL.show(31.55) == "Custom · 31.55 % = 6.31"
    assert (KILL.dump(75.0), KILL.dump(31.55)) == (75, 31.55)


@given(st.integers(-100_000, 100_000).map(lambda hundredths: hundredths / 100))
def test_points_keep_their_decimals(points: float) -> None:
    assert to_points(to_percent(points)) == points


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("45s", 45, "every 45 seconds"), ("30m", 1800, "every 30 minutes"), ("2h", 7200, "every 2 hours"),
        ("1d", 86400, "every day"), ("3w", 1814400, "every 3 weeks"), ("7 days", 604800, "every week"),
        ("every 90 min", 5400, "every 90 minutes"), ("60s", 60, "every minute"),
        ("52w", 31449600, "every 52 weeks"),
    ],
)  # fmt: skip
def test_frequencies(text: str, seconds: int, shown: str) -> None:
    kind = Frequency()
    assert kind.parse(text) == seconds
    assert kind.show(seconds) == shown


@pytest.mark.parametrize(
    "text", ["", "12", "0s", "-1h", "1.5h", "53w", "h", "1y", "1h30m", "2 months", "999999999w"]
)
def test_what_is_no_frequency(text: str) -> None:
    with pytest.raises(Refused):
        Frequency().parse(text)


@pytest.mark.parametrize("text", ["a@example.com", "o'neil+x@mail.example.com", "root@localhost", ""])
def test_addresses(text: str) -> None:
    assert Address().parse(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "@b.test",
        "a@",
        "a@b@",
        "a b@c.test",
        "a@c",
        "a..b@c.test",
        ".a@c.test",
        "a@c.test\nx",
        "<a@c.test>",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(Refused):
        Address().parse(text)


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "a\u202eb", "x" * 81])
def test_prefixes_are_one_short_line(text: str) -> None:
    with pytest.raises(Refused):
        Prefix().parse(text)


def test_domains() -> None:
    assert Domains().parse("Example.COM, *.bank.test example.com") == ("example.com", "*.bank.test")
    for text in ("com", "a@b.test", "*", "a.*.test", "http://a.test", "a'b.test"):
        with pytest.raises(Refused):
            Domains().parse(text)


def test_mirrors_and_files_of_signatures() -> None:
    assert Mirrors().parse("Database.ClamAV.net http://127.0.0.1:8080/x") == (
        "database.clamav.net",
        "http://127.0.0.1:8080/x",
    )
    assert Signatures().parse("https://a.test/x.ndb file:///srv/y.yara own.hdb") == (
        "https://a.test/x.ndb",
        "file:///srv/y.yara",
        "own.hdb",
    )
    for kind, text in (
        (Mirrors(), "ftp://a.test"), (Mirrors(), "file:///x"), (Mirrors(), "http://"), (Mirrors(), "http://a:0/"),
        (Mirrors(), 'http://a.test/"x'), (Mirrors(), "http://a b"), (Signatures(), "../x.ndb"),
        (Signatures(), "/etc/x.ndb"), (Signatures(), "x.exe"), (Signatures(), ".ndb"),
        (Signatures(), "-x.ndb"),        (Signatures(), "file://host/x.ndb"), (Signatures(), "x y'.ndb"),
    ):  # fmt: skip
        with pytest.raises(Refused):
            kind.item(text)


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z", "Cc")), max_size=12))
def test_what_a_mirror_may_be_stands_on_its_line_as_it_is(path: str) -> None:
    try:
        mirror = Mirrors().item(f"https://mirror.test/{path}")
    except Refused:
        return
    conf = Conf.parse(b"MaxAttempts 7\n").set_all("DatabaseMirror", (mirror,))
    assert conf.data == f"MaxAttempts 7\nDatabaseMirror {mirror}\n".encode("ascii")
    assert conf.all("DatabaseMirror") == (mirror,)


@pytest.mark.parametrize("sign", [*" \t\n\r\v\0#\"'\\`<>{}|^ü\u2028\u00a0"])
def test_what_could_break_the_line_of_a_mirror_is_refused(sign: str) -> None:
    for text in (f"https://mirror.test/a{sign}b", f"https://mirror{sign}test/", f"mirror{sign}test"):
        with pytest.raises(Refused):
            Mirrors().item(text)
