"""What OpenDKIM signs, read and changed without it: wide rules, one key for all, keys of amavis, its care."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from mtatui.backends.dkim import changes as dkim_changes
from mtatui.backends.dkim.listing import AMAVIS, Identity, _of_amavis, _of_opendkim
from mtatui.backends.dkim.safe import Node, People
from mtatui.backends.dkim.tables import Table
from mtatui.backends.dkim.work import domain_of, selector_of
from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.filters.opendkim import OpenDkim
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Filters
from mtatui.backends.host import File
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import MASK, Edit, Tag

KEY = subprocess.run(
    ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    capture_output=True, check=True,
).stdout  # fmt: skip
ED25519 = subprocess.run(
    ["openssl", "genpkey", "-algorithm", "ED25519"], capture_output=True, check=True
).stdout
PEOPLE = People.parse(b"opendkim:x:103:107::/run:/bin/false\n", b"opendkim:x:107:\n")
HOME = "/etc/dkimkeys"


def opendkim(conf: str, key_table: str = "", signing_table: str = "", **keys: bytes) -> OpenDkim:
    """OpenDKIM with tables where they are said, and keys by the names of their files."""
    tables = {}
    if key_table:
        conf += f"KeyTable {HOME}/keytable\nSigningTable refile:{HOME}/signingtable\n"
        tables = {f"{HOME}/keytable": Table(key_table), f"{HOME}/signingtable": Table(signing_table)}
    paths = {f"{HOME}/{name}": data for name, data in keys.items()}
    nodes = {path: Node(0o600, 103, 107) for path in paths} | {HOME: Node(0o700, 103, 107)}
    return OpenDkim(
        "/etc/opendkim.conf", Conf.parse(f"UserID opendkim\n{conf}".encode(), comments_anywhere=True),
        tables, paths, nodes, {}, PEOPLE, HOME,
    )  # fmt: skip


def signing(of: OpenDkim) -> dict[str, str]:
    """The selector with which each pattern is signed."""
    selectors = {key.name: f"{key.selector} d={key.domain}" for key in of.key_entries()}
    return {rule.pattern: selectors[rule.name] for rule in of.signing_rules()}


TWO = (
    f"a a.test:one:{HOME}/k\nb b.test:two:{HOME}/k\n",
    "*@a.test a\n*@b.test b\n",
)


def test_a_new_key_signs_after_those_that_are_there_and_changes_nothing_of_theirs() -> None:
    before = opendkim("", *TWO, k=KEY)
    added = dkim_changes.add_key(before, "c.test", "new", f"{HOME}/c", KEY)
    assert signing(added) == signing(before)
    after = dkim_changes.sign(added, "c.test", "new")
    assert signing(after) == signing(before) | {"*@c.test": "new d=c.test"}
    assert after.conf is before.conf
    assert after.tables[f"{HOME}/keytable"].text.startswith(TWO[0])


def test_a_rule_of_ones_own_stands_before_one_for_all() -> None:
    before = opendkim("", TWO[0], "*@a.test a\n* b\n", k=KEY)
    assert dkim_changes.signing(before, "b.test")[0].pattern == "*"  # it says d=b.test
    with pytest.raises(Refused, match="for other domains, too"):
        dkim_changes.signing(before, "c.test")
    after = dkim_changes.sign(
        dkim_changes.add_key(before, "c.test", "new", f"{HOME}/c", KEY), "c.test", "new"
    )
    assert list(signing(after)) == ["*@a.test", "*@c.test", "*"]


def test_one_key_for_all_becomes_two_tables_that_say_the_same() -> None:
    one = f"Domain a.test,b.test\nSelector s\nKeyFile {HOME}/k\nSubDomains yes\n"
    before = opendkim(one, k=KEY)
    after = dkim_changes.with_tables(before)
    assert signing(after) == signing(before)
    assert set(signing(after)) == {"*@a.test", "*@*.a.test", "*@b.test", "*@*.b.test"}
    assert after.conf.text == (
        f"UserID opendkim\nKeyTable {HOME}/mtatui.keytable\nSigningTable refile:{HOME}/mtatui.signingtable\n"
    )
    assert dkim_changes.with_tables(after) == after


def test_rotating_changes_every_rule_of_the_domain_and_keeps_what_else_they_say() -> None:
    before = opendkim("", TWO[0], "*@a.test a:i@a.test # note\nx@b.test a\n*@b.test b\n", k=KEY)
    after = dkim_changes.sign(
        dkim_changes.add_key(before, "a.test", "new", f"{HOME}/n", KEY), "a.test", "new"
    )
    assert after.tables[f"{HOME}/signingtable"].text == (
        "*@a.test new._domainkey.a.test:i@a.test # note\nx@b.test new._domainkey.a.test\n*@b.test b\n"
    )
    assert [key.selector for key in dkim_changes.reserve(before, "a.test")] == []
    added = dkim_changes.add_key(before, "a.test", "new", f"{HOME}/n", KEY)
    assert [key.selector for key in dkim_changes.reserve(added, "a.test")] == ["new"]
    assert dkim_changes.reserve(after, "a.test") == []  # the old one was made before it


def test_stopping_leaves_the_keys_and_forgetting_leaves_the_files() -> None:
    before = opendkim("", *TWO, k=KEY)
    after = dkim_changes.stop(before, dkim_changes.signing(before, "a.test"))
    assert signing(after) == {"*@b.test": "two d=b.test"}
    assert after.key_entries() == before.key_entries()
    key = dkim_changes.key_of(after, "a.test", "one")
    assert key is not None
    gone = dkim_changes.retire(after, key)
    assert [one.name for one in gone.key_entries()] == ["b"]
    assert gone.keys == before.keys


def test_one_algorithm_for_all() -> None:
    beside = dkim_changes.add_key(opendkim("", *TWO, k=KEY), "c.test", "ed", f"{HOME}/e", ED25519)
    with pytest.raises(Refused, match="one algorithm"):
        dkim_changes.sign(beside, "c.test", "ed")
    alone = dkim_changes.add_key(opendkim("", "x"), "c.test", "ed", f"{HOME}/e", ED25519)
    assert dkim_changes.sign(alone, "c.test", "ed").get("SignatureAlgorithm") == "ed25519-sha256"
    mixed = opendkim("SignatureAlgorithm ed25519-sha256\n", *TWO, k=KEY)
    assert "such signatures are no good" in mixed.trouble(mixed.key_entries()[0])


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ("KeyTable dsn:mysql://u:secret@h/d\nSigningTable /x\n", "in no text file (dsn)"),
        ("KeyTable /x\nSigningTable csl:a=b\n", "its SigningTable is in no text file"),
        ("SetupPolicyScript /etc/x.lua\n", "/etc/x.lua says more"),
        ("Include /etc/more.conf\n", "/etc/more.conf says more"),
    ],
)
def test_what_is_said_elsewhere_is_left_alone(conf: str, words: str) -> None:
    there = opendkim(conf)
    assert words in there.elsewhere
    assert "secret" not in there.elsewhere
    with pytest.raises(Refused):
        dkim_changes.with_tables(there)
    assert list(_of_opendkim(there)) == []


def test_a_key_for_every_domain_is_one_of_each_that_is_named() -> None:
    there = opendkim("", f"k %:s:{HOME}/k\n", "*@a.test k\n*@b.test k\n* k\n", k=KEY)
    found = [(one.domain, one.senders, one.place) for one in _of_opendkim(there)]
    assert found == [
        ("a.test", ("*@a.test",), "s._domainkey.a.test"),
        ("b.test", ("*@b.test",), "s._domainkey.b.test"),
        ("*", ("*",), ""),
    ]


@pytest.mark.parametrize(
    ("conf", "signs"), [("", True), ("Mode v\n", False), ("Mode sv # x\n", True), ("mode S\n", True)]
)
def test_whether_it_signs_at_all(conf: str, signs: bool) -> None:
    there = opendkim(conf, *TWO, k=KEY)
    assert there.signs is signs
    assert {one.signs for one in _of_opendkim(there)} == {signs}


def test_a_key_that_cannot_be_read_is_told() -> None:
    there = opendkim("", *TWO)
    there = replace(there, errors={f"{HOME}/k": f"There is no {HOME}/k on mx1."})
    assert [one.trouble for one in _of_opendkim(there)] == [f"There is no {HOME}/k on mx1."] * 2
    assert [one.state for one in _of_opendkim(there)] == ["cannot sign"] * 2


def test_as_whom_it_runs() -> None:
    there = opendkim("")
    assert (there.user, there.owner) == (PEOPLE.users["opendkim"], "opendkim:opendkim")
    unsaid = replace(there, conf=Conf.parse(b""))
    assert (unsaid.user, unsaid.owner) == (PEOPLE.users["opendkim"], "opendkim:opendkim")  # its directory is
    nobody = replace(unsaid, nodes={HOME: Node(0o700, 0, 0)})
    assert (nobody.user, nobody.owner) == (None, "")


def test_keys_of_amavis_are_shown() -> None:
    text = b"""\
$enable_dkim_signing = 1;
dkim_key('A.test', 'k1', '/var/lib/dkim/a.pem');
 dkim_key("b.test", "k2", "/var/lib/dkim/b.pem", t=>'y');
# dkim_key('no.test', 'k', '/x.pem');
"""
    files = {
        "/etc/amavis/conf.d/50-user": File(text, Tag(0, 0, 0, ""), 0o644, 0, 0),
        "/etc/x": File(text, Tag(0, 0, 0, ""), 0o644, 0, 0),
    }
    found = list(_of_amavis(files, {"/var/lib/dkim/a.pem": KEY}))
    assert [(one.domain, one.selector, one.by, one.signs) for one in found] == [
        ("a.test", "k1", AMAVIS, True),
        ("b.test", "k2", AMAVIS, True),
    ]
    assert str(found[0].key) == "RSA 1024"
    assert "could not be read" in found[1].trouble
    assert Identity("x.test").state == "not signed"


def test_keys_are_written_for_opendkim_alone_and_never_shown() -> None:
    after = dkim_changes.add_key(opendkim("", *TWO, k=KEY), "c.test", "new", f"{HOME}/c", KEY)
    written = after.written()[f"{HOME}/c"]
    assert (written.mode, written.owner) == (0o600, "opendkim:opendkim")
    diff = "\n".join(Edit(f"{HOME}/c", None, KEY, None, 0o600, written.secrets).diff())
    assert MASK in diff
    assert KEY.splitlines()[1].decode() not in diff
    inline = opendkim("", "k a.test:s:MIIsecret\n", "*@a.test k\n")
    assert inline.written()[f"{HOME}/keytable"].secrets == ("MIIsecret",)


def test_what_it_needs_when_its_files_change() -> None:
    there = opendkim("Socket local:/run/opendkim/opendkim.sock\n", *TWO, k=KEY)
    filters = Filters(
        Places(), {}, Manager.SYSTEMD, opendkim=there, units={"opendkim": Unit(Manager.SYSTEMD, "opendkim")}
    )
    assert list(there.care({"/etc/clamav/clamd.conf": b""}, filters)) == []
    [care] = there.care({f"{HOME}/keytable": b""}, filters)
    assert [str(command) for command in care.take] == ["systemctl reload opendkim.service"]
    assert str(care.probe) == "probe /run/opendkim/opendkim.sock (opendkim)"
    closed = replace(there, nodes={**there.nodes, f"{HOME}/keytable": Node(0o600, 0, 0)})
    [care] = closed.care({f"{HOME}/keytable": b""}, filters)
    assert [str(command) for command in care.take] == ["systemctl restart opendkim.service"]
    [care] = there.care({f"{HOME}/keytable": b""}, replace(filters, units={}))
    assert (care.take, "nobody here knows" in care.words) == ((), True)


@pytest.mark.parametrize(
    ("text", "domain"),
    [("Example.TEST.", "example.test"), ("bücher.example", "xn--bcher-kva.example"), (" a.b ", "a.b")],
)
def test_a_domain_is_taken_as_the_dns_has_it(text: str, domain: str) -> None:
    assert domain_of(text) == domain


@pytest.mark.parametrize(
    "text", ["", "a", "a..b", "-a.b", "a b.c", "a/b.c", "*.a.b", "a" * 64 + ".b", "a.b:c"]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is no domain"):
        domain_of(text)


@pytest.mark.parametrize("text", ["a b", "../x", "a_b", "-a", "a:b", "ä", "a..b", "x" * 64])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is no selector"):
        selector_of(text)
    assert selector_of("S2026.mx-1") == "S2026.mx-1"
