"""OpenDKIM's tables: read as it reads them, changed line by line; and whom it trusts with a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.dkim.safe import Node, People, above, unsafe
from mtatui.backends.dkim.tables import Kind, Place, Rule, Table, covers, elements, keys, place, rules

KEYTABLE = b"""\
# ours
mail example.test:mail:/etc/dkimkeys/mail.private
  k2\texample.test:s2:/etc/dkimkeys/s2.private   # the next
any %:all:/etc/dkimkeys/%.private
inline other.test:x:MIIEvQIBADANBgkq
broken example.test:mail
lonely
"""


@pytest.mark.parametrize(
    ("dataset", "found"),
    [
        ("/etc/dkimkeys/keytable", Place(Kind.FILE, "/etc/dkimkeys/keytable")),
        ("file:/etc/x", Place(Kind.FILE, "/etc/x")),
        ("refile:/etc/x", Place(Kind.PATTERNS, "/etc/x")),
        ("/etc/x.db", None),
        ("db:/etc/x", None),
        ("csl:a,b", None),
        ("a.test, b.test", None),
        ("dsn:mysql://u:p@h/d", None),
        ("ldap://x", None),
        ("", None),
    ],
)
def test_where_a_table_is(dataset: str, found: Place | None) -> None:
    assert place(dataset) == found


def test_keys_are_read_as_opendkim_reads_them() -> None:
    found = [(key.name, key.domain, key.selector, key.path) for key in keys(Table.parse(KEYTABLE))]
    assert found == [
        ("mail", "example.test", "mail", "/etc/dkimkeys/mail.private"),
        ("k2", "example.test", "s2", "/etc/dkimkeys/s2.private"),
        ("any", "%", "all", "/etc/dkimkeys/%.private"),
        ("inline", "other.test", "x", ""),
    ]


def test_a_line_is_changed_and_everything_else_stays() -> None:
    table = Table.parse(b"# x\r\n*@a.test mail:i@a.test  # note\r\n*@b.test mail")
    first, second = rules(table)
    assert (first.signer, first.domain, second.domain) == ("i@a.test", "a.test", "b.test")
    assert first.entry is not None
    assert second.entry is not None
    assert table.put(first.entry, first.renamed("new")).data == (
        b"# x\r\n*@a.test new:i@a.test  # note\r\n*@b.test mail"
    )
    assert table.drop([first.entry]).data == b"# x\r\n*@b.test mail"
    assert table.add("*@c.test", "k").data == table.data + b"\r\n*@c.test k\r\n"
    assert table.add("*@c.test", "k", second.entry).data == (
        b"# x\r\n*@a.test mail:i@a.test  # note\r\n*@c.test k\r\n*@b.test mail"
    )


@given(st.binary(max_size=300))
def test_a_table_that_is_not_changed_is_the_same_bytes(data: bytes) -> None:
    table = Table.parse(data)
    assert table.data == data
    assert table.drop([]).data == data
    for entry in table.entries:
        assert table.put(entry, entry.value).data == data


@given(
    st.from_regex(r"[a-z0-9*@.]{1,12}", fullmatch=True), st.from_regex(r"[a-z0-9:./]{1,12}", fullmatch=True)
)
def test_what_is_added_is_read(key: str, value: str) -> None:
    table = Table.parse(b"a b").add(key, value)
    assert [(entry.key, entry.value) for entry in table.entries] == [("a", "b"), (key, value)]


@pytest.mark.parametrize(
    ("kind", "pattern", "yes"),
    [
        (Kind.PATTERNS, "*@example.test", True),
        (Kind.PATTERNS, "*@EXAMPLE.test", True),
        (Kind.PATTERNS, "*", True),
        (Kind.PATTERNS, "*example.test", True),
        (Kind.PATTERNS, "*@*.example.test", False),
        (Kind.PATTERNS, "*@sub.example.test", False),
        (Kind.PATTERNS, "example.test", False),
        (Kind.PATTERNS, "?@example.test", False),
        (Kind.FILE, "example.test", True),
        (Kind.FILE, ".test", True),
        (Kind.FILE, "x@example.test", True),
        (Kind.FILE, "*", True),
        (Kind.FILE, "*@example.test", False),
        (Kind.FILE, "test", False),
    ],
)
def test_whose_mail_an_entry_is_for(kind: Kind, pattern: str, yes: bool) -> None:
    assert covers(kind, pattern, "x@Example.test") is yes


@pytest.mark.parametrize(
    ("pattern", "domain"),
    [
        ("*@a.test", "a.test"),
        ("a.test", "a.test"),
        ("x@A.test", "a.test"),
        ("*", ""),
        ("*@*.a.test", ""),
        ("%", ""),
    ],
)
def test_the_domain_of_a_rule(pattern: str, domain: str) -> None:
    assert Rule(pattern, "k").domain == domain


def test_a_list_in_the_configuration() -> None:
    assert elements("csl:a.test, b.test,c.test") == ["a.test", "b.test", "c.test"]


# -- who may read or replace a key ---------------------------------------------------------------------------

PEOPLE = People.parse(
    b"root:x:0:0::/root:/bin/sh\nopendkim:x:103:107::/run:/bin/false\npostfix:x:104:108::/:/x\nodd\nbob:x:1000:109::/:/x\n",
    b"root:x:0:\nopendkim:x:107:\nmail:x:8:postfix\nshared:x:110:opendkim,postfix\nbob:x:109:\n",
)
USER = PEOPLE.users["opendkim"]
KEY = "/etc/dkimkeys/k.private"


@pytest.mark.parametrize(
    ("key", "directory", "words"),
    [
        (Node(0o600, 103, 107), Node(0o700, 103, 107), ""),
        (Node(0o640, 103, 107), Node(0o755, 0, 0), ""),
        (Node(0o440, 0, 107), Node(0o755, 0, 0), ""),
        (Node(0o600, 1000, 109), Node(0o755, 0, 0), "belongs neither to opendkim nor to root"),
        (Node(0o644, 103, 107), Node(0o700, 103, 107), "everybody may read"),
        (Node(0o622, 103, 107), Node(0o700, 103, 107), "everybody may change"),
        (Node(0o640, 103, 110), Node(0o700, 103, 107), "in which postfix is"),
        (Node(0o640, 103, 109), Node(0o700, 103, 107), "in which bob is"),
        (Node(0o600, 103, 107), Node(0o1777, 0, 0), "writable by all"),
        (Node(0o600, 103, 107), Node(0o770, 0, 110), "postfix may replace it"),
        (Node(0o600, 103, 107), Node(0o770, 103, 107), ""),
    ],
)
def test_whom_opendkim_trusts_with_a_key(key: Node, directory: Node, words: str) -> None:
    why = unsafe(KEY, key, {"/etc/dkimkeys": directory}, USER, PEOPLE)
    assert (words in why) if words else why == ""


def test_owners_and_readers() -> None:
    assert PEOPLE.owner("opendkim") == "opendkim:opendkim"
    assert PEOPLE.owner("opendkim:mail") == "opendkim:mail"
    assert PEOPLE.owner("stranger") == "stranger:stranger"
    assert PEOPLE.may_read(USER, Node(0o600, 103, 0))
    assert PEOPLE.may_read(USER, Node(0o640, 0, 110))
    assert not PEOPLE.may_read(USER, Node(0o640, 0, 109))
    assert not PEOPLE.may_read(USER, Node(0o700, 0, 0), 1)
    assert PEOPLE.may_read(None, Node(0, 0, 0))
    assert above(KEY) == ["/etc/dkimkeys", "/etc", "/"]
