"""SpamAssassin's tables and clamd's sizes, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.verdicts.read import MOST, Rule, bytes_of, rules
from mtatui.text import clean

REPORT = """\
Spam detection software, running on the system "mx1", has
identified this incoming email as possible spam.  3.0 THINGS can be said.

Content analysis details:   (1004.9 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
 1.7 URIBL_BLACK            Contains an URL listed in the URIBL blacklist
                            [URIs: evil.test]
-0.0 NO_RELAYS              Informational: message was not relayed via SMTP
1000 GTUBE                  BODY: Generic Test for Unsolicited Bulk Email
 3.2 LOUD                   Shouts \x1b[2J\u202eso that it wraps
                            into a second line
-1.0 ALL_TRUSTED            Passed through trusted hosts only via SMTP

The original message was not completely plain text.
"""


def test_the_rules_of_a_report_most_points_first() -> None:
    found = rules(REPORT)
    assert [(rule.name, rule.points) for rule in found] == [
        ("GTUBE", 1000.0),
        ("LOUD", 3.2),
        ("URIBL_BLACK", 1.7),
        ("NO_RELAYS", 0.0),
        ("ALL_TRUSTED", -1.0),
    ]
    assert found[2].description.endswith("URIBL blacklist [URIs: evil.test]")
    assert found[1].description == clean("Shouts \x1b[2J\u202eso that it wraps") + " into a second line"


def test_exact_points_count_where_they_are_known() -> None:
    found = rules(" 0.0 A                      first\n", "A=0.001,B=-2.5,")
    assert found == (Rule("A", 0.001, "first"), Rule("B", -2.5))


def test_what_is_no_table_has_no_rules() -> None:
    assert rules("No, score=3.2 required=5.0 tests=A,B\nX-Spam-Flag: YES\n") == ()


def test_a_report_has_an_end() -> None:
    assert len(rules("".join(f"1.0 RULE_{n} x\n" for n in range(MOST * 3)))) == MOST


@given(
    st.dictionaries(
        st.text("ABCDEFGHIJ_0123456789", min_size=1, max_size=20).map(lambda name: f"T{name}"),
        st.tuples(
            st.decimals(-99, 999, places=1, allow_nan=False),
            st.text("abc defg:[]%.", max_size=80).map(lambda text: " ".join(f"x{text}".split())),
        ),
        max_size=20,
    )
)
def test_a_table_is_read_back(table: dict[str, tuple[object, str]]) -> None:
    text = "".join(f"{points!s:>4} {name:<22} {words}\n" for name, (points, words) in table.items())
    found = {rule.name: (rule.points, rule.description) for rule in rules(text)}
    assert found == {name: (float(str(points)), words) for name, (points, words) in table.items()}


@given(st.text(" *-0123456789.A_na/\n\r\t\x1b\u202e"), st.text("A=,-.0123456789"))
def test_nothing_breaks_it(summary: str, scores: str) -> None:
    for rule in rules(summary, scores):
        assert rule.description == clean(rule.description)


@pytest.mark.parametrize(
    ("text", "bytes"),
    [("25M", 25 << 20), ("100m", 100 << 20), ("4K", 4096), ("1G", 1 << 30), ("512", 512), ("0", 0),
     ("", 0), ("yes", 0), ("-1M", 0), ("9" * 40, 0)],
)  # fmt: skip
def test_sizes_as_clamd_writes_them(text: str, bytes: int) -> None:
    assert bytes_of(text) == bytes
