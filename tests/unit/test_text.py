"""The door for strangers' text: nothing that steers or hides comes through, and cells are exact."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mtatui.text import MARKS, ago, cells, clean, count, fit, fit_address, size, wrap

ANY = st.text(st.characters(min_codepoint=0, max_codepoint=sys.maxunicode, categories=None), max_size=60)
NASTY = st.text(
    st.sampled_from(
        "ab @.é漢\u0301\u0300\u20dd\x1b\x9b\x00\x7f\u202e\u2066\u200b\u200d\ufe0f\u2028\x85\udcff\ud800"
        "\u3164\u2800\u00a0\ue000\U0001f600\U0001f3fb\u1160\u1161\u1100\n\t\U000e0041"
    ),
    max_size=40,
)
WRITTEN = ANY | NASTY


def harmful(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp")]


@given(WRITTEN)
def test_nothing_that_steers_or_hides_comes_through(text: str) -> None:
    assert not harmful(clean(text))
    assert not harmful(clean(text, lines=True).replace("\n", "").replace("\t", ""))
    assert clean(text).isprintable()


@given(WRITTEN)
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert clean(clean(text, lines=True), lines=True) == clean(text, lines=True)


@given(WRITTEN)
def test_marks_never_pile_up_nor_reach_another_column(text: str) -> None:
    run = MARKS
    for char in clean(text):
        run = run + 1 if cells(char) == 0 else 0
        assert run <= MARKS


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("billing@shop1.test", "billing@shop1.test"),
        ("Grüße, 漢字, naïve, हिन्दी", "Grüße, 漢字, naïve, हिन्दी"),
        ("\x1b[31mred\x07", "␛[31mred␇"),
        ("\x9b31m", "\ufffd31m"),
        ("a\x00b\x7f", "a␀b␡"),
        ("txt.\u202eexe", "txt.\ufffdexe"),
        ("\u2066a\u2069", "\ufffda\ufffd"),
        ("pay\u200bpal", "pay\ufffdpal"),
        ("a\u2028b\x85c", "a\ufffdb\ufffdc"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\ufffd"),
        ("no\u00a0break", "no break"),
        ("x\u3164y", "x\ufffdy"),
        ("I \u2764\ufe0f you", "I \u2764 you"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "\ufffde"),
        ("e" + "\u0301" * 9000, "e" + "\u0301" * MARKS + "\ufffd"),
        ("two\nlines", "two␊lines"),
    ],
)
def test_what_a_stranger_wrote_and_what_is_shown(written: str, shown: str) -> None:
    assert clean(written) == shown


def test_lines_and_tabs_are_kept_where_asked_for() -> None:
    assert clean("a\n\tb\r\x1b", lines=True) == "a\n\tb␍␛"
    assert clean("é\n\u0301\tb", lines=True) == "é\n\ufffd\tb"


def test_cells_are_counted_as_the_terminal_library_counts_them() -> None:
    printable = [c for c in map(chr, range(32, sys.maxunicode + 1)) if c.isprintable() and clean(c) == c]
    assert len(printable) > 100_000
    assert [hex(ord(c)) for c in printable if cells(c) != cell_len(c)] == []


@given(WRITTEN, st.integers(0, 40), st.sampled_from(["left", "right"]))
def test_fit_is_exact_and_clean(text: str, width: int, align: str) -> None:
    for fitted in (fit(text, width, align), fit_address(text, width)):
        assert cells(fitted) == width == cell_len(fitted)
        assert not harmful(fitted)


@given(WRITTEN, st.integers(1, 30), st.integers(0, 4))
def test_wrapped_lines_fit_and_lose_no_word(text: str, width: int, limit: int) -> None:
    lines = wrap(text, width, limit)
    assert all(cells(line) <= max(width, 2) for line in lines)
    if limit:
        assert len(lines) <= limit
    else:
        assert "".join("".join(lines).split()) == "".join(clean(text, lines=True).split())


@pytest.mark.parametrize(
    ("text", "width", "align", "shown"),
    [
        ("abc", 5, "left", "abc  "),
        ("abc", 5, "right", "  abc"),
        ("abcdef", 5, "left", "abcd…"),
        ("abcdef", 5, "right", "abcd…"),
        ("漢字漢字", 6, "left", "漢字… "),
        ("abc", 0, "left", ""),
        ("abc", 1, "left", "…"),
    ],
)
def test_fit(text: str, width: int, align: str, shown: str) -> None:
    assert fit(text, width, align) == shown


@pytest.mark.parametrize(
    ("address", "width", "shown"),
    [
        ("user@isp.test", 16, "user@isp.test   "),
        ("bounces-list-7781@isp.test", 18, "bounces-…@isp.test"),
        ("info@very.long.sub.freemail.example", 20, "info@…eemail.example"),
        ("user324@gmail0.test", 16, "use…@gmail0.test"),
        ("averylongmailbox@very.long.sub.freemail.example", 20, "aver…@…email.example"),
        ("MAILER-DAEMON", 8, "MAILER-…"),
    ],
)
def test_addresses_keep_what_tells_most(address: str, width: int, shown: str) -> None:
    assert fit_address(address, width) == shown


def test_wrapping_breaks_between_words() -> None:
    assert wrap("connect to mx.shop34.test: Connection timed out", 20) == [
        "connect to",
        "mx.shop34.test:",
        "Connection timed out",
    ]
    assert wrap("aaaa bbbb cccc", 4, limit=2) == ["aaaa", "bbb…"]
    assert wrap("", 4) == [""]


def test_spans_sizes_and_counts_as_the_screens_say_them() -> None:
    said = [ago(s) for s in (-5, 0, 59, 60, 240, 3599, 9 * 3600, 86400, 5 * 86400 + 2 * 3600, 400 * 86400)]
    assert said == ["now", "now", "now", "1m", "4m", "59m", "9h", "1d", "5d 2h", "400d"]
    sizes = [size(n) for n in (0, 681, 1023, 1024, 1126, 9216, 12_288, 1_048_000, 41 << 20, 3 << 40)]
    assert sizes == ["0 B", "681 B", "1023 B", "1.0 K", "1.1 K", "9.0 K", "12 K", "1023 K", "41 M", "3.0 T"]
    assert count(12431) == "12,431"
