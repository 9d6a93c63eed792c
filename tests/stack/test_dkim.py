"""DKIM by behaviour, on a real OpenDKIM: what it signs verifies by dkimpy, with the records as shown."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from typing import Any

import dkim
import pytest

from tests.stack.machine import INSIDE, Machine, letter
from tests.stack.machine_world import Letter

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

CONF, KEYS = "/etc/opendkim.conf", "/etc/dkimkeys"


@pytest.fixture(scope="module")
def world() -> Iterator[Machine]:
    with Machine(amavis=False, clamd=False, opendkim=True) as machine:
        yield machine


@pytest.fixture
def machine(world: Machine) -> Iterator[Machine]:
    """The machine with its OpenDKIM as it was, and its DNS."""
    kept = {path: path.read_bytes() for path in world.path(KEYS).iterdir()} | {
        world.path(CONF): world.path(CONF).read_bytes()
    }
    records = dict(world.names.records)
    yield world
    world.names.records, world.names.silent = records, False
    for path in world.path(KEYS).iterdir():
        if path not in kept:
            path.unlink()
    for path, data in kept.items():
        path.write_bytes(data)
    world.path(KEYS).chmod(0o700)
    if not world.answers("opendkim"):
        world.start("opendkim")
    world.service("opendkim", "reload")


def sent(machine: Machine, domain: str, number: int = 1) -> Letter:
    """What leaves the machine, of a sender of this domain."""
    to = f"{domain}-{len(machine.mailboxes.letters)}@elsewhere.test"
    assert machine.send(letter(From=f"a@{domain}"), to, from_=f"a@{domain}", client=INSIDE).startswith("250 ")
    machine.settle()
    [arrived] = machine.mail(to)
    return arrived


def verifies(machine: Machine, message: bytes) -> bool:
    """Whether dkimpy says so, with the machine's DNS."""

    def texts(name: bytes, timeout: int = 5) -> bytes | None:
        found = machine.names.records.get((name.decode().rstrip("."), "TXT"))
        return "".join(re.findall(r'"([^"]*)"', found[0])).encode() if found else None

    return bool(dkim.verify(message, dnsfunc=texts))


def selector(message: Letter) -> str:
    found = re.search(r"\bs=([\w.-]+);", message["DKIM-Signature"])
    return found[1] if found else ""


def shown(machine: Machine, *arguments: str) -> Any:
    return json.loads(machine.mtatui("dkim", *arguments, "--json", code=None).stdout)


def state(machine: Machine, domain: str, *arguments: str) -> list[tuple[str | None, str, str]]:
    """Selector, state and standing of a domain's keys."""
    found = shown(machine, *(arguments or ("check",)))["domains"]
    return [
        (one["selector"], one["state"], (one["dns"] or {}).get("standing", ""))
        for one in found
        if one["domain"] == domain
    ]


def publish(machine: Machine, domain: str, *of: str) -> None:
    """Have the DNS say what is to be published, by the strings of the zone file that was shown."""
    for record in shown(machine, "record", domain, *of):
        name, _, rest = " ".join(record["zone"]).partition(" IN TXT ")
        assert name == f"{record['name']}."
        strings = re.findall(r'"([^"]*)"', rest)
        assert all(len(string) <= 255 for string in strings)
        machine.names.records[record["name"], "TXT"] = [" ".join(f'"{string}"' for string in strings)]


def test_a_domain_is_signed_once_generate_is_applied(machine: Machine) -> None:
    assert not sent(machine, "new.test")["DKIM-Signature"]
    done = machine.mtatui("dkim", "generate", "new.test", "--selector", "one", "--yes")
    assert done.stdout.startswith("applied ")
    assert "one._domainkey.new.test. IN TXT (" in done.stdout
    assert "PRIVATE" not in done.stdout + done.stderr
    key = machine.path(f"{KEYS}/new.test.one.private")
    assert key.stat().st_mode & 0o7777 == 0o600
    assert key.owner() == "opendkim"
    message = sent(machine, "new.test")
    assert "d=new.test; s=one;" in message["DKIM-Signature"]
    assert state(machine, "new.test") == [("one", "signs", "missing")]
    assert not verifies(machine, message.data)
    publish(machine, "new.test")
    assert state(machine, "new.test") == [("one", "signs", "matches")]
    assert verifies(machine, message.data)
    assert not verifies(machine, message.data.replace(b"How are you", b"Where is it"))
    assert machine.mtatui("dkim", "check", "new.test").returncode == 0
    # What was signed before is as it was.
    assert verifies(machine, sent(machine, "example.test").data)


def test_a_new_selector_signs_when_its_record_is_there_and_the_old_key_still_verifies(
    machine: Machine,
) -> None:
    old = sent(machine, "example.test")
    first = machine.mtatui("dkim", "rotate", "example.test", "--selector", "next", "--yes")
    assert "mtatui dkim rotate example.test" in first.stderr
    assert selector(sent(machine, "example.test")) == "mail"
    assert state(machine, "example.test") == [("mail", "signs", "matches"), ("next", "in reserve", "missing")]
    # Whoever is in a hurry is told, and must agree.
    hurry = machine.mtatui("dkim", "rotate", "example.test", "--yes", code=3)
    assert "GRAVE" in hurry.stderr
    assert "no record" in hurry.stderr
    publish(machine, "example.test", "--selector", "next")
    assert machine.mtatui("dkim", "rotate", "example.test", "--yes").stdout.startswith("applied ")
    new = sent(machine, "example.test")
    assert selector(new) == "next"
    assert verifies(machine, new.data)
    assert verifies(machine, old.data)
    assert state(machine, "example.test") == [("next", "signs", "matches"), ("mail", "in reserve", "matches")]
    # The third time it is a new key again, and not the old one.
    assert "in reserve" in machine.mtatui("dkim", "rotate", "example.test", "--dry-run").stdout
    back = machine.mtatui("dkim", "rotate", "example.test", "--selector", "mail", "--yes")
    assert back.stdout.startswith("applied ")
    assert selector(sent(machine, "example.test")) == "mail"


def test_what_was_done_can_be_undone_and_the_key_goes_without_being_shown(machine: Machine) -> None:
    before = machine.path(f"{KEYS}/keytable").read_bytes()
    done = machine.mtatui(
        "dkim", "rotate", "example.test", "--selector", "x", "--now", "--yes", "--accept-risk"
    )
    assert selector(sent(machine, "example.test")) == "x"
    entry = done.stdout.split()[1]
    secret = machine.path(f"{KEYS}/example.test.x.private").read_text().splitlines()[1]
    undone = machine.mtatui("history", "undo", entry, "--yes")
    told = machine.mtatui("history", "show", entry).stdout
    assert "example.test.x.private" in told
    assert secret not in done.stdout + done.stderr + undone.stdout + undone.stderr + told
    assert not machine.path(f"{KEYS}/example.test.x.private").exists()
    assert machine.path(f"{KEYS}/keytable").read_bytes() == before
    assert selector(sent(machine, "example.test")) == "mail"


def test_mail_is_signed_no_longer_and_again_with_the_same_key(machine: Machine) -> None:
    machine.mtatui("dkim", "stop", "example.test", "--yes")
    assert not sent(machine, "example.test")["DKIM-Signature"]
    assert state(machine, "example.test") == [("mail", "in reserve", "matches")]
    machine.mtatui("dkim", "generate", "example.test", "--selector", "mail", "--yes")
    assert verifies(machine, sent(machine, "example.test").data)
    assert "signed already" in machine.mtatui("dkim", "generate", "example.test", "--yes", code=3).stderr


def test_no_key_is_ever_overwritten(machine: Machine) -> None:
    path = machine.path(f"{KEYS}/new.test.one.private")
    path.write_text("mine")
    done = machine.mtatui("dkim", "generate", "new.test", "--selector", "one", "--yes", code=3)
    assert "no key is ever overwritten" in done.stderr
    assert path.read_text() == "mine"


def test_one_key_for_all_becomes_a_table_in_which_it_still_signs(machine: Machine) -> None:
    conf = re.sub(r"(?m)^(KeyTable|SigningTable).*\n", "", machine.path(CONF).read_text())
    conf += f"Domain example.test, other.test\nSelector mail\nKeyFile {KEYS}/mail.private\n"
    machine.path(CONF).write_text(conf)
    machine.service("opendkim", "reload")
    assert selector(sent(machine, "other.test")) == "mail"
    assert [one[:2] for one in state(machine, "other.test")] == [("mail", "signs")]
    machine.mtatui("dkim", "generate", "new.test", "--selector", "one", "--yes")
    assert selector(sent(machine, "new.test")) == "one"
    assert selector(sent(machine, "other.test")) == "mail"
    assert verifies(machine, sent(machine, "example.test").data)


def test_debians_own_configuration_signs_after_generate(machine: Machine) -> None:
    conf = re.sub(r"(?m)^(KeyTable|SigningTable|Mode).*\n", "", machine.path(CONF).read_text()) + "Mode v\n"
    machine.path(CONF).write_text(conf)
    machine.service("opendkim", "reload")
    assert state(machine, "example.test", "list") == [(None, "not signed", "")]
    machine.mtatui("dkim", "generate", "example.test", "--selector", "mail", "--yes")
    assert "s=mail" in sent(machine, "example.test")["DKIM-Signature"]


def test_an_ed25519_key_signs_alone_and_is_refused_beside_others(machine: Machine) -> None:
    beside = machine.mtatui("dkim", "generate", "new.test", "--type", "ed25519", "--yes", code=3)
    assert "one algorithm" in beside.stderr
    arguments = ("--selector", "ed", "--type", "ed25519", "--now", "--yes", "--accept-risk")
    machine.mtatui("dkim", "rotate", "example.test", *arguments)
    publish(machine, "example.test", "--selector", "ed")
    message = sent(machine, "example.test")
    assert "a=ed25519-sha256" in message["DKIM-Signature"]
    assert verifies(machine, message.data)
    assert not verifies(machine, message.data.replace(b"How are you", b"Where is it"))


@pytest.mark.parametrize(
    ("record", "standing"),
    [("v=DKIM1; k=rsa; p=", "revoked"), ("v=DKIM1; k=rsa; p=MFww", "differs"), ("hello", "differs")],
)
def test_what_the_dns_says_is_compared(machine: Machine, record: str, standing: str) -> None:
    machine.names.publish("mail._domainkey.example.test", record)
    assert state(machine, "example.test") == [("mail", "signs", standing)]
    assert machine.mtatui("dkim", "check", code=1)


def test_a_dns_that_does_not_answer_costs_seconds_and_is_told(machine: Machine) -> None:
    machine.names.silent = True
    assert state(machine, "example.test") == [("mail", "signs", "cannot tell")]
    assert "does not answer" in machine.mtatui("dkim", "check", code=1).stderr


def test_a_key_that_others_may_replace_is_told_before_mail_suffers(machine: Machine) -> None:
    """RequireSafeKeys: opendkim refuses such keys, and turns mail away."""
    machine.path(KEYS).chmod(0o777)
    [found] = [one for one in shown(machine, "list")["domains"] if one["domain"] == "example.test"]
    assert "writable by all" in found["trouble"]
    assert found["state"] == "cannot sign"
    assert machine.send(letter(From="a@example.test"), "b@elsewhere.test", client=INSIDE).startswith("451 ")
    lint = machine.mtatui("settings", "lint", code=1).stdout
    assert "451" in lint
    assert "writable by all" in lint
    refused = machine.mtatui("dkim", "generate", "new.test", "--yes", code=3)
    assert "GRAVE" in refused.stderr
    conf = machine.path(CONF)
    conf.write_text(conf.read_text() + "RequireSafeKeys no\n")
    machine.service("opendkim", "reload")
    [found] = [one for one in shown(machine, "list")["domains"] if one["domain"] == "example.test"]
    assert (found["trouble"], found["state"]) == (None, "signs")
    assert "writable by all" in found["warning"]
    assert verifies(machine, sent(machine, "example.test").data)


def test_a_group_with_others_in_it_is_as_bad(machine: Machine) -> None:
    key = machine.path(f"{KEYS}/mail.private")
    key.chmod(0o640)
    try:
        assert verifies(machine, sent(machine, "example.test").data)
        assert [one[1] for one in state(machine, "example.test", "list")] == ["signs"]
        machine.run(["usermod", "-aG", "opendkim", "postfix"])
        assert [one[1] for one in state(machine, "example.test", "list")] == ["cannot sign"]
        assert machine.send(letter(From="a@example.test"), "b@elsewhere.test", client=INSIDE)[:3] == "451"
    finally:
        key.chmod(0o600)
        machine.run(["gpasswd", "-d", "postfix", "opendkim"])


def test_a_dead_milter_is_seen_and_is_not_started_by_a_change(machine: Machine) -> None:
    machine.kill("opendkim")
    services = json.loads(machine.mtatui("services", "--json", code=1).stdout)["services"]
    [found] = [one for one in services if one["name"] == "opendkim"]
    assert (found["runs"], found["answering"]) == (False, False)
    done = machine.mtatui("dkim", "generate", "new.test", "--selector", "one", "--yes")
    assert "does not run, and is not started" in done.stderr
    assert not machine.pids("opendkim")
    machine.start("opendkim")
    assert selector(sent(machine, "new.test")) == "one"


def test_a_configuration_that_opendkim_does_not_take_is_refused(machine: Machine) -> None:
    conf = machine.path(CONF)
    conf.write_text(conf.read_text() + "Nonsense yes\n")
    before = conf.read_bytes(), machine.path(f"{KEYS}/keytable").read_bytes()
    refused = machine.mtatui("dkim", "generate", "new.test", "--yes", code=3)
    assert "unrecognized parameter" in refused.stderr
    assert (conf.read_bytes(), machine.path(f"{KEYS}/keytable").read_bytes()) == before
    assert not list(machine.path(KEYS).glob("new.test*"))


def test_tables_that_opendkim_may_not_read_anew_are_loaded_by_a_restart(machine: Machine) -> None:
    """It has given up root by the time of a reload."""
    for name in ("keytable", "signingtable"):
        path = machine.path(f"{KEYS}/{name}")
        shutil.chown(path, "root", "root")
        path.chmod(0o600)
    try:
        before = machine.pids("opendkim")
        done = machine.mtatui("dkim", "generate", "new.test", "--selector", "one", "--yes")
        assert "restart" in done.stderr
        assert machine.pids("opendkim") != before
        assert selector(sent(machine, "new.test")) == "one"
    finally:
        for name in ("keytable", "signingtable"):
            path = machine.path(f"{KEYS}/{name}")
            shutil.chown(path, "opendkim", "opendkim")
            path.chmod(0o644)


@pytest.mark.parametrize(
    "domain", ["a b.test", "-x.test", "$(id).test", "../x.test", "x", "a..test", "x.test;y"]
)
def test_nonsense_is_no_domain(machine: Machine, domain: str) -> None:
    assert "is no domain" in machine.mtatui("dkim", "generate", "--yes", "--", domain, code=3).stderr


def test_a_rule_for_a_key_that_is_not_there_is_told(machine: Machine) -> None:
    table = machine.path(f"{KEYS}/signingtable")
    table.write_text("*@example.test gone\n")
    machine.service("opendkim", "reload")
    [note] = shown(machine, "list")["notes"]
    assert "gone, which KeyTable does not know" in note
    assert "there is no key called gone" in machine.mtatui("settings", "lint", code=1).stdout
    assert machine.send(letter(From="a@example.test"), "b@elsewhere.test", client=INSIDE).startswith("451 ")


def test_a_postfix_that_does_not_ask_is_told(machine: Machine) -> None:
    main = machine.path("/etc/postfix/main.cf")
    before = main.read_text()
    main.write_text(re.sub(r"(?m)^(non_)?smtpd_milters.*\n", "", before))
    try:
        assert "Postfix does not ask OpenDKIM" in shown(machine, "list")["notes"][0]
        assert "dkim-not-asked" in machine.mtatui("settings", "lint", code=None).stdout
        planned = machine.mtatui("dkim", "generate", "new.test", "--dry-run").stdout
        assert "Postfix does not ask OpenDKIM" in planned
    finally:
        main.write_text(before)


def test_a_read_only_server_shows_and_refuses(machine: Machine) -> None:
    assert "example.test" in machine.mtatui("--read-only", "dkim", "list").stdout
    dry = machine.mtatui(
        "--read-only", "dkim", "generate", "new.test", "--selector", "one", "--dry-run"
    ).stdout
    assert "••••" in dry
    assert "opendkim -n -x" in dry
    assert machine.mtatui("--read-only", "dkim", "generate", "new.test", "--yes", code=3)
