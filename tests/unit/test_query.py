"""The query language: what is understood, what is refused and where, and what is written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.queue.query import MAX_TEXT, Query, QuerySyntaxError, exactly, parse
from mtatui.queue.terms import FIELDS, TEXT_FIELDS, And, Kind, Not, Or, Term


def word(value: str) -> Term:
    return Term("", ":", value)


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("", And()),
        ("  \t\n ", And()),
        ("shop34", word("shop34")),
        ("FROM:a@b", Term("from", ":", "a@b")),
        ('reason:"mailbox full"', Term("reason", ":", "mailbox full")),
        (r'"say \"hi\" \\ \n"', word(r'say "hi" \ \n')),
        ("domain=x.test", Term("domain", "=", "x.test")),
        ("to:*@x.test", Term("to", ":", "*@x.test", Kind.GLOB)),
        ('to:"*@x.test"', Term("to", ":", "*@x.test")),
        ("to=*@x.test", Term("to", "=", "*@x.test")),
        ("/time(d )?out/", Term("", ":", "time(d )?out", Kind.REGEX)),
        (r"helo:/a\/b c/", Term("helo", ":", r"a\/b c", Kind.REGEX)),
        ("user:none", Term("user", "=", "", Kind.NONE)),
        ('user:"none"', Term("user", ":", "none")),
        ("from:<>", Term("from", "=", "", Kind.NONE)),
        ("none", word("none")),
        ("state:deferred", Term("state", ":", "deferred")),
        ("state:DEF", Term("state", ":", "deferred")),
        ("state:queued", Term("state", ":", "active")),
        ("size>10k", Term("size", ">", 10240, Kind.NUMBER)),
        ("size<=1.5M", Term("size", "<=", 1572864, Kind.NUMBER)),
        ("size=681", Term("size", "=", 681, Kind.NUMBER)),
        ("age>1d2h", Term("age", ">", 93600, Kind.NUMBER)),
        ("age<1.5h", Term("age", "<", 5400, Kind.NUMBER)),
        ("retry<10m", Term("retry", "<", 600, Kind.NUMBER)),
        ("rcpts>=3", Term("rcpts", ">=", 3, Kind.NUMBER)),
        ("-a", Not(word("a"))),
        ("a-b", word("a-b")),
        ("a b", And((word("a"), word("b")))),
        ("a OR b c", Or((word("a"), And((word("b"), word("c")))))),
        ("(a OR b) c", And((Or((word("a"), word("b"))), word("c")))),
        ("-(a b)", Not(And((word("a"), word("b"))))),
        ("a or b", And((word("a"), word("or"), word("b")))),
        ("12:30", word("12:30")),
        ("2001:db8::1", word("2001:db8::1")),
        ("ip:2001:db8::", Term("ip", ":", "2001:db8::")),
        ("<x@y>", word("<x@y>")),
    ],
)
def test_what_a_text_means(text: str, root: object) -> None:
    assert parse(text).root == root


@pytest.mark.parametrize(
    ("text", "marked", "says"),
    [
        ("a fron:x", "fron", "no such field ‘fron’: did you mean from?"),
        ("zzz:x", "zzz", "put it in quotes"),
        ("age>", "age>", "needs a value"),
        ("from: x", "from:", "needs a value: sender"),
        ("age>90", "90", "30s, 5m"),
        ("size>1.5", "1.5", "1.5M"),
        ("size>9999999999999999999", "9999999999999999999", "not a value for size"),
        ("age:2h", "age:", "takes ‘>’ or ‘<’"),
        ("age=2h", "age=", "takes ‘>’ or ‘<’"),
        ("from>x", "from>", "takes ‘:’ or ‘=’"),
        ("state:x", "x", "active, corrupt, deferred"),
        ('state:""', '""', "no such state"),
        ('to:"abc', '"abc', 'closing "'),
        ('"a"b', "b", "space is missing"),
        ("/a", "/a", "closing /"),
        ("/a(/", "/a(/", "not a regular expression"),
        ("//", "//", "empty expression"),
        ("/(a+)+b/", "/(a+)+b/", "for ever"),
        (r"/(a|b)*\1/", r"/(a|b)*\1/", "for ever"),
        ("/" + "x" * 201 + "/", "/" + "x" * 201 + "/", "longer than 200"),
        ("a (b", "(", "without its ‘)’"),
        ("a) b", ")", "without its ‘(’"),
        ("()", "", "missing"),
        ("a OR ", "", "missing"),
        ("OR a", "OR", "missing"),
        ("a - b", "-", "negates"),
        (">5", ">", "behind a field"),
        ("a\x1bb", "\x1b", "no address or reply"),
        ("a\udcffb", "\udcff", "no address or reply"),
        ("(" * 60 + "a" + ")" * 60, "(", "deeply"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, marked: str, says: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse(text)
    assert text[caught.value.start : caught.value.end] == marked
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a*)*",
        "(a|b)+",
        "(?:a?){30}",
        "((a{3})b)*",
        "a*b*c*d*e*",
        "a?" * 11,
        "(?P<x>a+)*",
        "([)(]+)+",
        r"(\)a+)+",
    ],
)
def test_expressions_that_explode_are_refused(pattern: str) -> None:
    with pytest.raises(QuerySyntaxError, match="for ever"):
        parse(f"/{pattern}/")


@pytest.mark.parametrize(
    "pattern", ["^a.*b$", "a|b|c|d|e|f|g|h|i|j|k|l", "[(+*]+x", r"\(a+\)+", "(abc)+", "(?x)a # )"]
)
def test_expressions_that_do_not_explode_are_taken(pattern: str) -> None:
    assert parse(f"/{pattern}/").root == Term("", ":", pattern, Kind.REGEX)


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        parse("x" * (MAX_TEXT + 5))
    assert caught.value.end == MAX_TEXT + 5


def test_too_many_terms_are_refused() -> None:
    with pytest.raises(QuerySyntaxError, match="more than"):
        parse("a " * 150)


# --- changing a query ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "value", "result"),
    [
        ("", "reason", "mailbox full", 'reason="mailbox full"'),
        ("reason:timeout age>2h", "reason", "mailbox full", 'age>2h reason="mailbox full"'),
        ("reason:timeout", "user", "", "reason:timeout user=none"),
        ("a OR b", "domain", "x.test", "(a OR b) domain=x.test"),
        ("-reason:timeout", "reason", "none", '-reason:timeout reason="none"'),
        ("x state:hold", "state", "deferred", "x state:deferred"),
        ("", "from", 'a"b\\c*', r'from="a\"b\\c*"'),
    ],
)
def test_a_facet_narrows_a_query(text: str, field: str, value: str, result: str) -> None:
    assert str(parse(text).narrowed(field, value)) == result


def test_a_band_of_ages_takes_the_place_of_another() -> None:
    assert str(parse("x age>=5m age<30m").adding("age>=2h age<8h")) == "x age>=2h age<8h"


def test_a_term_is_taken_away() -> None:
    assert str(parse("a reason:b -reason:c").without("reason")) == "a -reason:c"
    assert parse("reason:b").without("reason").everything


def test_the_trash_is_asked_for_by_name() -> None:
    assert parse("a OR -(b state:trash)").wants_trash
    assert not parse("trash state:hold").wants_trash


# --- properties ------------------------------------------------------------------------------------------

_PIECES = [
    "from:",
    "-",
    "(",
    ")",
    " ",
    " OR ",
    '"',
    "/",
    "*",
    "size>",
    "age<",
    "state:",
    "=",
    "\\",
    "none",
    "1k",
    "2h",
    "a",
    "[",
    "+",
    "|",
    "é",
]
texts = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))


@given(texts)
def test_any_text_is_understood_or_refused_at_a_place_in_it(text: str) -> None:
    mistake = None
    try:
        query = parse(text)
    except QuerySyntaxError as error:
        mistake = error
    if mistake is None:
        assert parse(str(query)) == query
    else:
        assert 0 <= mistake.start <= mistake.end <= len(text)
        assert str(mistake)


printable = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=' "\\*/()-'), min_size=1, max_size=12
)


@given(st.sampled_from(sorted(TEXT_FIELDS)), st.one_of(st.just(""), printable))
def test_any_value_can_be_asked_for_exactly(field: str, value: str) -> None:
    root = parse(exactly(field, value)).root
    assert root == Term(field, "=", value, Kind.TEXT if value else Kind.NONE)


def _terms() -> st.SearchStrategy[Term]:
    plain = st.builds(Term, st.sampled_from(["", *TEXT_FIELDS]), st.just(":"), printable)
    sizes = st.builds(
        Term,
        st.just("size"),
        st.sampled_from(["<", ">", "=", "<=", ">="]),
        st.integers(0, 2**50),
        st.just(Kind.NUMBER),
    )
    ages = st.builds(
        Term,
        st.sampled_from(["age", "retry"]),
        st.sampled_from(["<", ">"]),
        st.integers(0, 2**33),
        st.just(Kind.NUMBER),
    )
    return st.one_of(plain, sizes, ages)


_trees = st.recursive(
    _terms(),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=6,
)


@given(_trees)
def test_a_query_is_written_as_it_is_read(root: Term | Not | And | Or) -> None:
    assert parse(str(Query(root))).root == root


def test_every_field_is_explained() -> None:
    assert all(FIELDS.values())
