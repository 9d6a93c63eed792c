"""The text of clamd.conf and its kind: read, and changed without touching anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.filters.conf import Conf

TEXT = b"""\
# Comment\tstays
LocalSocket /run/clamd.ctl
DatabaseMirror one.example
  DatabaseMirror "two.example"
#Checks 24
ReadTimeout\t180
"""


def test_it_is_read_as_its_daemon_reads_it() -> None:
    conf = Conf.parse(TEXT)
    assert conf.get("localsocket") == "/run/clamd.ctl"
    assert conf.all("DatabaseMirror") == ("one.example", "two.example")
    assert conf.get("Checks") is None
    assert conf.get("ReadTimeout") == "180"
    assert conf.line("DatabaseMirror") == 3


def test_what_is_set_stands_where_it_stood_or_beneath_its_comment() -> None:
    conf = Conf.parse(TEXT).set("Checks", "12").set("ReadTimeout", "60")
    assert b"#Checks 24\nChecks 12\nReadTimeout 60\n" in conf.data
    assert conf.set("New", "yes").data.endswith(b"ReadTimeout 60\nNew yes\n")


@pytest.mark.parametrize(
    ("values", "lines"),
    [
        (("two.example", "one.example"), b"DatabaseMirror two.example\nDatabaseMirror one.example\n#"),
        (("a.example",), b"DatabaseMirror a.example\n#Checks"),
        (("a", "b", "c"), b"DatabaseMirror a\nDatabaseMirror b\nDatabaseMirror c\n#Checks"),
        ((), b"clamd.ctl\n#Checks"),
    ],
)
def test_what_may_be_said_often(values: tuple[str, ...], lines: bytes) -> None:
    conf = Conf.parse(TEXT).set_all("DatabaseMirror", values)
    assert lines in conf.data
    assert conf.all("DatabaseMirror") == values


def test_nothing_else_changes_by_a_byte() -> None:
    data = b"\xff odd\r\nA 1 \r\n\r\n# B 2\r\nB 3"
    conf = Conf.parse(data)
    assert conf.data == data
    assert conf.set("B", "3").data == data
    assert conf.set("A", "2").data == b"\xff odd\r\nA 2\r\n\r\n# B 2\r\nB 3"
    assert conf.set("C", "4").data == data + b"\r\nC 4\r\n"


def test_a_hash_ends_the_line_only_where_it_does_for_the_daemon() -> None:
    assert Conf.parse(b"Mode sv # both\n", comments_anywhere=True).get("Mode") == "sv"
    assert Conf.parse(b"VirusEvent a #b\n").get("VirusEvent") == "a #b"


@pytest.mark.parametrize("value", ["", "a\nb", "a\rb", 'a"b', " a", "a\x1b"])
def test_what_would_become_something_else_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        Conf.parse(TEXT).set("Checks", value)


@given(
    st.binary(max_size=200),
    st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20).filter(
        lambda text: '"' not in text and text.isprintable()
    ),
)
def test_what_is_set_is_what_is_read(data: bytes, value: str) -> None:
    conf = Conf.parse(data)
    assert conf.data == data
    assert conf.set("Some", value).get("Some") == value
