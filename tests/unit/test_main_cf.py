"""main.cf as text: read as Postfix reads it, changed without touching what is not ours."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mtatui.backends.postfix.logical import SPACE
from mtatui.backends.postfix.main_cf import MainCf

NAMES = st.sampled_from(["relayhost", "mynetworks", "myhostname", "smtpd_banner", "new_one"])
BLANKS = st.text(" \t\v\f\r", max_size=3)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"]), max_size=12).map(
    lambda text: text.strip(SPACE)
)
#: Pieces of which main.cf files are made, sound ones and others.
PIECES = st.one_of(
    st.builds("{}{}={}{}".format, NAMES, BLANKS, BLANKS, WORDS),
    st.builds(" {}{}".format, BLANKS, WORDS),
    st.builds("{}#{}".format, BLANKS, WORDS),
    st.builds("#{}{} = {}".format, BLANKS, NAMES, WORDS),
    NAMES,
    BLANKS,
    st.sampled_from(["=", "= x", "\0", "a\0b = c", "x = \0y", "\udce4 = \udcff", "x = é"]),
)
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n"])
FILES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda pairs, last: "".join(piece + end for piece, end in pairs) + last,
        st.lists(st.tuples(PIECES, ENDS), max_size=12),
        st.one_of(st.just(""), PIECES),
    ).map(lambda text: text.encode("utf-8", "surrogateescape")),
)


def parse(text: str) -> MainCf:
    return MainCf.parse(text.encode())


def comments(data: bytes) -> list[bytes]:
    return [line.strip() for line in data.split(b"\n") if line.strip(SPACE.encode()).startswith(b"#")]


# -- reading -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "line", "last_line"),
    [
        ("x = a", "a", 1, 1),
        ("x=a\n", "a", 1, 1),
        ("x\t =\t a b \t\n", "a b", 1, 1),
        ("x =\n", "", 1, 1),
        ("x = a\r\n", "a", 1, 1),
        ("x = a\n  b\n", "a  b", 1, 2),
        ("x = a,\n\tb,\n# c\n\n   # d\n c\n# e\n\ny = z", "a,\tb, c", 1, 6),
        ("x =\n   # c\n   a\n   # d\n", "a", 1, 3),
        ("x = a # b", "a # b", 1, 1),
        ("x = # b", "# b", 1, 1),
        ("x = a=b == c", "a=b == c", 1, 1),
        ("x = a \\\n  b", "a \\  b", 1, 2),
        ("x\n = a", "a", 1, 2),
        ("x\n# c\n = a\n b", "a b", 1, 4),
        ("x = a\nx = b\n  c\n", "b  c", 2, 3),
        ("# x = no\n\n  \nx = a", "a", 4, 4),
        ("  x = lost\n  with this\nx = a", "a", 3, 3),
        ("x = a\x00b\n", "a", 1, 1),
        ("x = a\n\f b\r\n", "a\f b", 1, 2),
        ("x = a\n\u00a0b\n", "a", 1, 1),
    ],
)
def test_a_value_is_what_postfix_makes_of_it(text: str, value: str, line: int, last_line: int) -> None:
    found = parse(text).get("x")
    assert found is not None
    assert (found.value, found.line, found.last_line) == (value, line, last_line)


def test_raw_is_the_text_behind_the_sign() -> None:
    main = parse("a = 1\nx  = p,\n# why\n  q  \n# next\ny = 2\n")
    found = main.get("x")
    assert found is not None
    assert found.raw == " p,\n# why\n  q  "
    assert main.names() == ("a", "x", "y")
    assert main.get("z") is None


def test_duplicates_and_mistakes_are_told_by_line() -> None:
    main = parse("x = 1\n# c\ny = 2\nx = 3\nnonsense\n= 4\n")
    assert main.duplicates() == {"x": (1, 4)}
    assert main.mistakes == (5, 6)


def test_names_are_compared_as_they_are_written() -> None:
    main = parse("Relayhost = a\nrelay_host = b\nrelayhost = c\n")
    assert [assignment.value for assignment in main.assignments] == ["a", "b", "c"]
    assert main.duplicates() == {}


def test_bytes_that_are_no_utf8_stay() -> None:
    data = b"# M\xfcller\nsmtpd_banner = Gr\xfc\xdfe\nx = 1\n"
    main = MainCf.parse(data)
    banner = main.get("smtpd_banner")
    assert banner is not None
    assert main.set("smtpd_banner", banner.value).data == data
    assert main.set("x", banner.value).data == b"# M\xfcller\nsmtpd_banner = Gr\xfc\xdfe\nx = Gr\xfc\xdfe\n"


# -- changing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "after"),
    [
        ("x = a\n", "b", "x = b\n"),
        ("x=a", "b", "x=b"),
        ("x\t=\ta \t\n", "b", "x\t=\tb \t\n"),
        ("x = a\r\ny = 1\r\n", "b", "x = b\r\ny = 1\r\n"),
        ("x =\n", "b", "x = b\n"),
        ("x = \n", "b", "x = b\n"),
        ("x=\n", "b", "x=b\n"),
        ("x = a\n", "", "x = \n"),
        ("y =\nx = a\n", "", "y =\nx =\n"),
        ("x=a\n", "", "x=\n"),
        ("x = a,\n    b\ny = 1\n", "c", "x = c\ny = 1\n"),
        ("x =\n    a,\n    b\ny = 1\n", "c", "x =\n    c\ny = 1\n"),
        ("x =\n# why a\n    a,\n# why b\n    b", "c", "x =\n# why a\n    c\n# why b"),
        ("x =\n# why a\n    a,\n# why b\n    b\n", "", "x =\n# why a\n# why b\n"),
        ("x =\n  a", "#c", "x = #c"),
        ("x = 1\nx = 2\n", "3", "x = 1\nx = 3\n"),
        ("x\n = a\n", "b", "x\n = b\n"),
        ("", "b", "x = b\n"),
        ("y = 1\n", "b", "y = 1\nx = b\n"),
        ("y = 1", "b", "y = 1\nx = b"),
        ("y = 1\r\nz = 2", "b", "y = 1\r\nz = 2\r\nx = b"),
        ("y = 1\n  2\n# end\n", "b", "y = 1\n  2\n# end\nx = b\n"),
        ("#x = a\ny = 1\n", "b", "#x = a\nx = b\ny = 1\n"),
        ("# x = a\n#x=b\n# more\ny = 1\n", "b", "# x = a\n#x=b\nx = b\n# more\ny = 1\n"),
        ("#x = a,\n#\tb,\n#\tc\n#y = 2\n", "b", "#x = a,\n#\tb,\n#\tc\nx = b\n#y = 2\n"),
        # Behind this comment it would break the value around it.
        ("y = 1,\n#x = a\n    2\n", "b", "y = 1,\n#x = a\n    2\nx = b\n"),
        # Behind this one it would get what is nobody's.
        ("#x = a\n  lost\ny = 1\n", "b", "#x = a\n  lost\ny = 1\nx = b\n"),
        ("#xx = a\ny = 1\n", "b", "#xx = a\ny = 1\nx = b\n"),
        ("y = 1\n#x = a", "b", "y = 1\n#x = a\nx = b"),
    ],
)
def test_a_value_is_set_where_it_belongs(text: str, value: str, after: str) -> None:
    changed = parse(text).set("x", value)
    assert changed.data.decode() == after
    assert MainCf.parse(changed.data).get("x") == changed.get("x")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("x = a\ny = 1\n", "y = 1\n"),
        ("y = 1\nx = a", "y = 1"),
        ("x = a", ""),
        ("x = 1\ny = 1\nx = 2\n", "y = 1\n"),
        ("y = 1\nx = a,\n# why\n  b\n# next\nz = 1\n", "y = 1\n# why\n# next\nz = 1\n"),
        ("y = 1\r\nx = a", "y = 1"),
        ("#x = 1\ny = 2\n", "#x = 1\ny = 2\n"),
    ],
)
def test_unset_takes_every_assignment_and_no_comment(text: str, after: str) -> None:
    assert parse(text).unset("x").data.decode() == after


def test_set_back_gives_the_old_layout_back() -> None:
    main = parse("# top\nx = a,\n# why b\n    b,\n\n    c # d\n# end\ny = 1\n")
    changed = main.set("x", "q").set("x", "")
    assert changed.data.decode() == "# top\nx = \n# why b\n\n# end\ny = 1\n"
    assert changed.set("y", "2").set("x", "a,    b,    c # d").set("y", "1").data == main.data


@pytest.mark.parametrize(
    "bad", ["a\nb", "a\r\nx = 1", "a\0b", "\x1b[2J", "a\x7f", "a\x85b", "a\u2028b", "\ud800"]
)
def test_values_that_cannot_stand_in_the_file_are_refused_in_words(bad: str) -> None:
    with pytest.raises(ValueError, match="the value holds"):
        parse("x = 1\n").set("x", bad)
    with pytest.raises(ValueError, match="the value holds"):
        parse("").set("x", bad)


@pytest.mark.parametrize("bad", ["", "a b", "a=b", "#x", "a\nb", "ä", " x"])
def test_names_that_are_none_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="name of a parameter"):
        parse("y = 1\n").set(bad, "1")


def test_raw_text_is_put_as_it_is() -> None:
    main = parse("x =\n  a\n# c\ny = 1\n")
    raw = "\n  a,\n  # because\n  b"
    changed = main.set_raw("x", raw)
    assert changed.data.decode() == "x =\n  a,\n  # because\n  b\n# c\ny = 1\n"
    found = changed.get("x")
    assert found is not None
    assert (found.raw, found.value) == (raw, "a,  b")
    assert changed.set_raw("x", "\n  a").data == main.data
    assert main.set_raw("z", " 1,\n  2").data.decode() == "x =\n  a\n# c\ny = 1\nz = 1,\n  2\n"


@pytest.mark.parametrize("bad", ["a\nb", "a\nx = 1", "a\n\x1b", "a\x00"])
def test_raw_text_that_would_be_more_than_a_value_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"must start with a blank|the value holds"):
        parse("y = 1\n").set_raw("y", bad)


# -- whatever the file ---------------------------------------------------------------------------------------


@given(st.one_of(FILES, st.binary()))
def test_any_file_comes_back_as_it_was(data: bytes) -> None:
    main = MainCf.parse(data)
    assert main.data == data
    for assignment in main.assignments:
        lines = data.split(b"\n")[assignment.line - 1 : assignment.last_line]
        assert assignment.raw.encode("utf-8", "surrogateescape") in b"\n".join(lines)


@given(FILES, NAMES, WORDS)
def test_what_is_set_is_what_is_read(data: bytes, name: str, value: str) -> None:
    before = MainCf.parse(data)
    after = before.set(name, value)
    reread = MainCf.parse(after.data)
    found = reread.get(name)
    assert found is not None
    assert found.value == value
    # No other assignment is changed, moved or lost, and no comment.
    others = [(a.name, a.raw) for a in before.assignments if a != before.get(name)]
    assert [(a.name, a.raw) for a in reread.assignments if a.line != found.line] == others
    assert comments(after.data) == comments(data)
    assert len(reread.mistakes) == len(before.mistakes)
    # What it is now, it may be set to without a byte being changed.
    assert after.set(name, value) is after


@given(FILES, st.lists(st.tuples(NAMES, WORDS), max_size=6))
def test_set_and_set_back_gives_the_very_bytes(data: bytes, changes: list[tuple[str, str]]) -> None:
    assume(not data.endswith(b"\r"))  # half a line end
    main = MainCf.parse(data)
    # Of a file that ends within a value of several lines the last line may go, and with it how it ended.
    assume(data.endswith(b"\n") or all(a.line == a.last_line for a in main.assignments))
    changed = main
    for name, value in changes:
        changed = changed.set(name, value)
    for name in dict.fromkeys(name for name, _ in changes):
        was = main.get(name)
        changed = changed.unset(name) if was is None else changed.set(name, was.value)
    assert changed.data == data


@given(FILES, NAMES, WORDS)
def test_a_single_line_is_set_back_by_somebody_else(data: bytes, name: str, value: str) -> None:
    assume(not data.endswith(b"\r"))
    main = MainCf.parse(data)
    was = main.get(name)
    assume(was is None or (was.value and was.line == was.last_line and "\0" not in was.raw))
    changed = MainCf.parse(main.set(name, value or "x").data)
    assert (changed.set(name, was.value) if was else changed.unset(name)).data == data


@given(FILES, NAMES)
def test_unset_leaves_everything_else(data: bytes, name: str) -> None:
    before = MainCf.parse(data)
    after = MainCf.parse(before.unset(name).data)
    assert [a.raw for a in after.assignments] == [a.raw for a in before.assignments if a.name != name]
    assert comments(after.data) == comments(data)
    if before.get(name) is None:
        assert after.data == data


@given(FILES, NAMES)
def test_raw_text_given_back_changes_nothing(data: bytes, name: str) -> None:
    main = MainCf.parse(data)
    found = main.get(name)
    other = main.set_raw(name, " other\n\t# comment\n one")
    if found is None:
        assert other.get(name) is not None
    elif "\0" not in found.raw and not re.search("[\x01-\x08\x7f-\x9f]", found.raw):
        assert main.set_raw(name, found.raw) is main
        assert other.set_raw(name, found.raw).data == data
