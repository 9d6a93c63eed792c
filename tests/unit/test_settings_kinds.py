"""Kinds of values: what is typed becomes a value or a reason; texts and profiles give it back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.settings.catalogue import ALL
from mtatui.settings.extensions import COMMON, MODERN
from mtatui.settings.kinds import (
    Bytes,
    Choice,
    Extensions,
    Kind,
    Login,
    Name,
    Networks,
    Refused,
    Relay,
    RelayGuard,
    RelayLogin,
    Restriction,
    Switch,
    Tables,
    Trial,
    Zone,
    Zones,
)
from mtatui.settings.kinds_filters import (
    Address,
    Domains,
    Frequency,
    Mirrors,
    Prefix,
    Signatures,
    Tolerance,
)
from mtatui.settings.syntax import one_line
from mtatui.text import clean

LABEL = st.from_regex(r"\A[a-z][a-z0-9]{0,10}\Z")
NAME = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
OCTET = st.integers(0, 255)
NETWORK = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda a: f"[{a}]/128"),
    st.tuples(OCTET, OCTET).map(lambda pair: f"!10.{pair[0]}.{pair[1]}.0/24"),
    LABEL.map(lambda name: f"cidr:/etc/postfix/{name}"),
)
TRIAL = st.sampled_from([Trial.TRIAL, Trial.ENFORCE])
ZONE = st.builds(Zone, st.tuples(NAME, st.sampled_from(["", "=127.0.0.[2..11;14]"])).map("".join), TRIAL)
RELAY = st.tuples(NAME, st.integers(1, 65535)).map(lambda pair: f"[{pair[0]}]:{pair[1]}")

#: Values of each kind that the catalogue uses.
VALUES: dict[type[Kind], st.SearchStrategy[Any]] = {
    Switch: st.booleans(),
    Restriction: st.sampled_from(Trial),
    RelayGuard: st.just(Trial.ENFORCE),
    Name: NAME,
    Tables: st.lists(LABEL.map(lambda name: f"hash:/etc/{name}")).map(", ".join),
    Networks: st.lists(NETWORK, unique=True).map(tuple),
    Extensions: st.lists(st.from_regex(r"\A[a-z0-9]{1,5}(\.[a-z0-9]{1,5})?\Z"), unique=True).map(tuple),
    Zones: st.lists(ZONE, unique_by=lambda zone: zone.zone).map(tuple),
    Bytes: st.just(0) | st.integers(1024, 2**63 - 1),
    Tolerance: st.floats(0, 5000).map(lambda percent: round(percent, 4)),
    Frequency: st.integers(1, 52 * 604800),
    Address: st.just("") | st.builds("{}@{}.test".format, st.from_regex(r"\A[a-z'$%&/+]{1,9}\Z"), LABEL),
    Prefix: st.text(st.characters(codec="utf-8"), max_size=20).filter(lambda text: text == prefix(text)),
    Domains: st.lists(LABEL.map("{}.test".format) | LABEL.map("*.{}.test".format), unique=True).map(tuple),
    Mirrors: st.lists(LABEL.map(str.lower) | LABEL.map("http://{}:80/x?y=%20".format), unique=True).map(
        tuple
    ),
    Signatures: st.lists(LABEL.map("file:///{}.ndb".format) | st.just("own.yara"), unique=True).map(tuple),
}


def prefix(text: str) -> str | None:
    try:
        return one_line(text)
    except Refused:
        return None


def values(kind: Kind) -> st.SearchStrategy[Any]:
    if isinstance(kind, Choice):
        return st.sampled_from([word for word, _ in kind.choices])
    if isinstance(kind, Relay):
        return st.lists(RELAY, max_size=3 if kind.many else 1).map(", ".join)
    return VALUES[type(kind)]


OPEN = [setting for setting in ALL.values() if not setting.kind.secret]


@given(st.data())
def test_values_come_back_from_texts_and_from_profiles(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(OPEN)).kind
    value = data.draw(values(kind))
    assert kind.parse(kind.text(value)) == value
    assert kind.load(json.loads(json.dumps(kind.dump(value)))) == value
    assert clean(kind.show(value)) == kind.show(value) != ""


HOSTILE = (
    st.text(st.characters(codec=None), max_size=60)
    | st.text("aA0.1:/[]=,;{}$#\\\"' \n\r\t\0\x1b\u202e\u200b", max_size=30)
    | st.just("x" * 65536)
    | st.just("10.0.0.0/8 " * 6000)
    | st.sampled_from(["yes\n", "trial\0", "10M\nx = y", "exe\nroot", "hash:/a\n b", "a:b\n", "[x]:25\n[y]"])
)


@given(st.data(), HOSTILE)
def test_nothing_is_let_through_that_breaks_a_line_or_steers(data: st.DataObject, text: str) -> None:
    kind = data.draw(st.sampled_from(list(ALL.values()))).kind
    try:
        value = kind.parse(text)
    except Refused as refused:
        told(refused)
        return
    for piece in pieces(value):
        assert piece == clean(piece)
        assert piece.isprintable()
        assert len(piece) <= 70_000
    assert isinstance(value, Login) or kind.parse(kind.text(value)) == value


def told(refused: Refused) -> None:
    """A refusal fits on a screen and steers nothing, whatever was refused."""
    assert clean(str(refused)) == str(refused)
    assert len(str(refused)) < 600


def pieces(value: Any) -> list[str]:
    if isinstance(value, tuple):
        return [piece for item in value for piece in pieces(item)]
    return [str(value)]


@given(st.data())
def test_a_profile_may_say_anything(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(ALL.values()))).kind
    said = data.draw(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
            ),
            max_leaves=5,
        )
    )
    try:
        kind.load(said)
    except Refused as refused:
        told(refused)


def test_switches_and_restrictions() -> None:
    assert [Switch().parse(word) for word in ("on", "YES", " true", "1")] == [True] * 4
    assert [Switch().parse(word) for word in ("off", "no", "False", "0")] == [False] * 4
    assert Switch().turned(True) is False
    assert [Restriction().parse(word) for word in ("on", "Trial", "off")] == [
        Trial.ENFORCE,
        Trial.TRIAL,
        Trial.OFF,
    ]
    assert [Restriction().turned(state) for state in Trial] == [Trial.TRIAL, Trial.ENFORCE, Trial.OFF]
    with pytest.raises(Refused, match="neither on nor off"):
        Switch().parse("maybe")
    with pytest.raises(Refused, match="true or false is wanted here, not a list"):
        Switch().load(["on"])


def test_the_relay_guard_goes_one_way() -> None:
    assert RelayGuard().parse("enforce") is Trial.ENFORCE
    assert RelayGuard().turned(Trial.OFF) is Trial.ENFORCE
    for word in ("off", "trial"):
        with pytest.raises(Refused, match="anybody could send"):
            RelayGuard().parse(word)


def test_extensions_are_normalised_and_the_refused_named() -> None:
    assert Extensions().parse("*.EXE, .tar.gz; Bat exe") == ("exe", "tar.gz", "bat")
    assert len(COMMON) == 27
    assert {"cpl", "iso", "ps1", "docm", "library-ms"} <= set(MODERN)
    for name, extensions in Extensions.named.items():
        assert Extensions().load(list(extensions)) == extensions, name
    with pytest.raises(Refused, match='"a/b" is no file extension'):
        Extensions().parse("exe a/b")
    with pytest.raises(Refused, match="2,000 is the most"):
        Extensions().parse(" ".join(f"x{n}" for n in range(2001)))


def test_block_lists() -> None:
    parsed = Zones().parse("Zen.Spamhaus.org=127.0.0.[2..11], bl.example.net:trial off.example.net:off")
    assert parsed == (Zone("zen.spamhaus.org=127.0.0.[2..11]"), Zone("bl.example.net", Trial.TRIAL))
    assert Zones().dump(parsed) == {"zen.spamhaus.org=127.0.0.[2..11]": "enforce", "bl.example.net": "trial"}
    assert Zones().show(parsed) == "2 (1 on trial) · zen.spamhaus.org bl.example.net"
    for typed in ("zen.spamhaus.org=*", "zen.spamhaus.org:maybe", "http://zen", "zen spam haus/"):
        with pytest.raises(Refused):
            Zones().parse(typed)


def test_sizes() -> None:
    size = Bytes(least=1024, zero="no limit")
    assert [size.parse(typed) for typed in ("10M", "10240k", "10485760", "10 MiB", "0")] == [10485760] * 4 + [
        0
    ]
    assert size.show(0) == "no limit"
    assert size.show(26214400) == "25M (26,214,400 bytes)"
    for typed in ("", "-1", "10X", "1.5M", "٣٠٠٠", "999999999999999G", "1e9", "100", "10i"):
        with pytest.raises(Refused):
            size.parse(typed)


def test_one_relay_or_several() -> None:
    assert Relay().parse("") == ""
    assert Relay(many=True).parse("[a.example]:25 [b.example]") == "[a.example]:25, [b.example]"
    with pytest.raises(Refused, match="one relay is wanted"):
        Relay().parse("[a.example] [b.example]")


def test_origin_may_be_a_file_where_that_is_meant() -> None:
    assert Name(file=True).parse("/etc/mailname") == "/etc/mailname"
    with pytest.raises(Refused):
        Name().parse("/etc/mailname")


def test_choices_say_what_there_is() -> None:
    kind = Choice((("", "nothing"), ("may", "perhaps")))
    assert kind.parse("MAY") == "may"
    assert kind.offers == ("may",)
    with pytest.raises(Refused, match=r'"must" is none of \(empty\), may'):
        kind.parse("must")


def test_passwords_are_shown_nowhere() -> None:
    kind = RelayLogin()
    login = kind.parse("ann:s3cr:et#$")
    assert login == Login("ann", "s3cr:et#$")
    for shown in (repr(login), f"{login}", kind.text(login), kind.show(login), json.dumps(kind.dump(login))):
        assert "s3cr" not in shown
    assert kind.parse("") is None
    for typed in ("ann", ":secret", "ann:", "a n:x", "ann:x ", "ann: x", "ann:x\ny"):
        with pytest.raises(Refused) as refused:
            kind.parse(typed)
        assert "secret" not in str(refused.value)
    with pytest.raises(Refused, match="not taken from a file"):
        kind.load("ann:secret")
