"""Authentication-Results headers read: real ones, broken ones, hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.queue.claims import MOST, MOST_RESULTS, Claim, Claimed, claim, claims
from mtatui.queue.content import headers
from mtatui.text import clean

WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(lambda text: f"a{text}")


def test_a_header_as_gmail_writes_it() -> None:
    found = claim(
        "mx.google.com; dkim=pass header.i=@e.org header.s=s1 header.b=aB+/x9==; "
        "spf=softfail (google.com: domain of transitioning a@e.org does not designate 192.0.2.1 (really)) "
        'smtp.mailfrom="odd name"@e.org; dmarc=fail (p=NONE; sp=NONE) reason="not; aligned" header.from=e.org'
    )
    assert found.by == "mx.google.com"
    assert [(one.method, one.result) for one in found.results] == [
        ("dkim", "pass"),
        ("spf", "softfail"),
        ("dmarc", "fail"),
    ]
    dkim, spf, dmarc = found.results
    assert dkim.details == (("header.i", "@e.org"), ("header.s", "s1"), ("header.b", "aB+/x9=="))
    assert spf.comment.endswith("192.0.2.1 (really)")
    assert spf.details == (("smtp.mailfrom", '"odd name"@e.org'),)
    assert dmarc.comment == "p=NONE; sp=NONE"
    assert dmarc.details == (("reason", "not; aligned"), ("header.from", "e.org"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("example.com 1; none", Claim("example.com")),
        ('"mx; one" 1; spf=pass', Claim("mx; one", (Claimed("spf", "pass"),))),
        ("(who?) mx.test; dkim/1 = PASS", Claim("mx.test", (Claimed("dkim", "pass"),))),
        ("spf=fail (sender IP is 192.0.2.1); dkim=none",
         Claim("", (Claimed("spf", "fail", (), "sender IP is 192.0.2.1"), Claimed("dkim", "none")))),
        ("", Claim("")),
        (";;;", Claim("")),
        ("mx.test; =pass; dkim=; (", Claim("mx.test")),
    ],
)  # fmt: skip
def test_odd_ones(value: str, expected: Claim) -> None:
    assert claim(value) == expected


def test_a_set_of_arc_begins_with_its_number() -> None:
    assert claim(" i=2; lists.test; arc=pass", arc=True) == Claim(
        "lists.test", (Claimed("arc", "pass"),), instance=2
    )


def test_all_of_a_message_the_last_one_first() -> None:
    raw = (
        b"ARC-Authentication-Results: i=1; list.test;\r\n spf=pass\r\nAuthentication-Results: mx.test;\r\n"
        b"\tdkim=pass\r\nX-Authentication-Results: evil.test; dkim=pass\r\nSubject: x\r\n\r\n"
        b"Authentication-Results: body.test; dkim=pass\r\n"
    )
    assert [(one.by, one.instance) for one in claims(headers(raw))] == [("list.test", 1), ("mx.test", 0)]


def test_nobody_drowns_in_them() -> None:
    many = headers(b"Authentication-Results: mx.test; spf=pass\r\n" * (MOST + 5) + b"\r\n")
    assert len(claims(many)) == MOST
    assert len(claim("mx.test" + "; spf=pass" * (MOST_RESULTS + 9)).results) == MOST_RESULTS


@given(
    WORD,
    st.lists(
        st.tuples(WORD, WORD, st.lists(st.tuples(WORD, st.text('ab@. "\\();=', max_size=9)), max_size=3))
    ),
)
def test_what_is_written_by_the_rules_is_read_back(
    by: str, results: list[tuple[str, str, list[tuple[str, str]]]]
) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    told = [
        f"{method}={result} (a comment) " + " ".join(f"{name}={quoted(value)}" for name, value in details)
        for method, result, details in results[:MOST_RESULTS]
    ]
    found = claim("; ".join([f"{by} 1", *told]))
    assert found.by == by
    assert [(one.method, one.result, list(one.details)) for one in found.results] == results[:MOST_RESULTS]


@given(st.text('()\\"=; \tab\x1b\x9b\u202e\n.@/1'))
def test_nothing_breaks_it_and_nothing_unclean_comes_out(value: str) -> None:
    found = claim(value)
    for text in (
        found.by,
        *(part for one in found.results for part in (one.method, one.result, one.comment)),
    ):
        assert text == clean(text)


@pytest.mark.parametrize("value", ["(" * 9000, '"' + "\\" * 9000, "a " * 5000, "a=" * 5000, " " * 9000 + "="])
def test_long_ones_do_not_take_long(value: str) -> None:
    claim(f"mx; {value}")
