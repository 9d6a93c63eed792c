"""Verdicts on queued messages by the real clamd, spamd, spamassassin and signatures, well and unwell."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from collections.abc import Iterator

import dkim
import pytest
from textual.app import App

from mtatui.backends.host import HostError
from mtatui.backends.verdicts import Judge, State, Stopped, Verdicts
from mtatui.fleet import Fleet
from mtatui.screens.message import MessageScreen
from mtatui.server import Server
from tests.stack.machine import EICAR, GTUBE, INSIDE, OUTSIDE, Machine, letter
from tests.tui.message_bench import STYLES, open_at
from tests.unit.test_verdicts_signatures import rsa

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

#: What the admin added: a report that names rules (SpamAssassin's own rules have it), rules of exact points,
#: and one whose description means harm.
RULES = """
report _SUMMARY_
header ONE_AND_A_HALF Subject =~ /many rules/
score ONE_AND_A_HALF 1.5
describe ONE_AND_A_HALF Worth one and a half, in a description so long that the report wraps it somewhere
header GOOD Subject =~ /many rules/
score GOOD -2.25
describe GOOD Takes points away
header HOSTILE Subject =~ /hostile/
score HOSTILE 0.5
describe HOSTILE Clears \x1b[2J the [red]screen
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine(opendkim=True, spamd=True, amavis=False) as machine:
        rules = machine.path("/etc/spamassassin/local.cf")
        rules.write_text(rules.read_text() + RULES)
        machine.run(["postconf", "-e", "defer_transports = smtp"])
        machine.wait_until(
            lambda: time.time() - machine.path("/etc/postfix/main.cf").stat().st_mtime > 2, "it"
        )
        machine.run(["postfix", "reload"])
        yield machine


def queued(machine: Machine, message: bytes, client: str = INSIDE) -> str:
    """Its queue ID, once it waits there."""
    before = machine.queue_ids()
    assert machine.send(message, "anna@example.test", client=client)[:3] == "250"
    return machine.wait_until(lambda: machine.queue_ids("deferred") - before, "a deferred message").pop()


def judged(machine: Machine, id: str, patience: float = 30) -> Verdicts:
    judge = Judge(machine.host)
    judge.patience = patience
    return asyncio.run(judge.verdicts(id))


def local(machine: Machine, *, yes: bool) -> None:
    """Have spamd keep to itself, or not."""
    options = "--local --max-children 2" if yes else "--max-children 2"
    machine.path("/etc/default/spamd").write_text(f'OPTIONS="{options}"\nPIDFILE="/run/spamd.pid"\n')
    machine.service("spamd", "restart")
    machine.wait_until(lambda: machine.answers("spamd"), "spamd")


@pytest.fixture(scope="module")
def bad(machine: Machine) -> str:
    """A message in which everything is to be found."""
    claims = "mx.before.test; dkim=pass header.d=example.test; spf=fail smtp.mailfrom=a@evil.test"
    message = letter(
        "many rules", f"{GTUBE}\n", points=3.21, attach=[("a.txt", EICAR)],
        From="anna@example.test", Authentication_Results=claims,
    )  # fmt: skip
    return queued(machine, message)


def test_all_is_found_and_told_in_order(machine: Machine, bad: str) -> None:
    found = judged(machine, bad)
    assert (found.virus.state, found.virus.found) == (State.DONE, ("Eicar-Test.UNOFFICIAL",))
    assert found.virus.scanner.startswith("ClamAV ")
    points = [(rule.name, rule.points) for rule in found.spam.rules]
    assert points == [
        ("GTUBE", 1000.0),
        ("MACHINE_256", 2.56),
        ("ONE_AND_A_HALF", 1.5),
        ("MACHINE_64", 0.64),
        ("MACHINE_1", 0.01),
        ("GOOD", -2.25),
    ]
    assert found.spam.points == pytest.approx(sum(number for _, number in points), abs=0.1)
    assert (found.spam.required, found.spam.is_spam) == (5.0, True)
    described = {rule.name: rule.description for rule in found.spam.rules}
    assert described["ONE_AND_A_HALF"].endswith("so long that the report wraps it somewhere")
    assert [(one.domain, one.selector, one.result, one.key) for one in found.signatures] == [
        ("example.test", "mail", "pass", "rsa 2048")
    ]
    assert [claim.by for claim in found.claims] == ["mx.before.test"]


def test_a_clean_one_is_clean(machine: Machine) -> None:
    found = judged(machine, queued(machine, letter("hello", From="carl@sender.test")))
    assert (found.virus.state, found.virus.found) == (State.DONE, ())
    assert (found.spam.points, found.spam.is_spam, found.spam.rules) == (0.0, False, ())
    assert (found.signatures, found.chain and found.chain.result) == ((), "none")
    assert not found.failed


def test_spamd_is_asked_only_when_it_keeps_to_itself(machine: Machine, bad: str) -> None:
    local(machine, yes=False)
    before = list(machine.names.asked)
    found = judged(machine, bad)
    assert found.spam.scorer.startswith("spamassassin ")
    assert found.spam.notes == ("spamd was not asked: without --local it asks the network about a message",)
    assert {name for name, _ in machine.names.asked[len(before) :]} == {"mail._domainkey.example.test"}
    local(machine, yes=True)
    found = judged(machine, bad)
    assert found.spam.scorer == "spamd at localhost:783"
    assert found.spam.notes == ()
    assert [rule.name for rule in found.spam.rules][:3] == ["GTUBE", "MACHINE_256", "ONE_AND_A_HALF"]
    assert found.spam.points == pytest.approx(1002.5, abs=0.1)


def test_a_spamd_that_stands_still_is_not_waited_for(machine: Machine, bad: str) -> None:
    local(machine, yes=True)
    with machine.frozen("spamd"):
        found = judged(machine, bad)
    assert found.spam.notes == ("spamd did not answer within 5 s: it hangs, or has too much to do",)
    assert found.spam.scorer.startswith("spamassassin ")
    assert found.spam.is_spam


def test_hostile_descriptions_do_no_harm(machine: Machine) -> None:
    id = queued(machine, letter("hostile", From="carl@sender.test"))
    [rule] = judged(machine, id).spam.rules
    assert (rule.name, rule.points) == ("HOSTILE", 0.5)
    assert "\x1b" not in rule.description
    assert "[red]screen" in rule.description
    assert "\x1b" not in machine.mtatui("queue", "show", id, "--verdicts").stdout


def test_nothing_is_learned_and_nothing_left(machine: Machine, bad: str) -> None:
    local(machine, yes=False)
    judged(machine, bad)
    assert not list(machine.path("/var/lib/amavis").glob(".spamassassin/*"))
    assert machine.pids("spamassassin") == []


def test_clamd_that_hangs_and_clamd_that_is_dead(machine: Machine, bad: str) -> None:
    with machine.frozen("clamd"):
        found = judged(machine, bad, patience=4)
    assert found.virus.state is State.FAILED
    assert "clamd did not answer within 4 s" in found.virus.words
    assert found.spam.state is State.DONE
    machine.kill("clamd")
    try:
        found = judged(machine, bad)
        assert found.virus.words == "clamd does not run: nobody listens there"
        assert found.failed
        assert (
            "not known: clamd does not run"
            in machine.mtatui("queue", "show", bad, "--verdicts", code=1).stdout
        )
    finally:
        machine.start("clamav-daemon")


def test_clamd_is_killed_while_it_scans(machine: Machine) -> None:
    """Over an archive that unpacks to so much that it is at it for seconds."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.bin", bytes(90 << 20))
    id = queued(machine, letter("large", attach=[("a.zip", packed.getvalue())]))
    killed: list[bool] = []

    def progress(so_far: Verdicts) -> None:
        if so_far.virus.words == "clamd is scanning" and not killed:
            killed.append(True)
            machine.wait_until(lambda: [*machine.path("/tmp").glob("clamav-*")], "clamd to take the message")
            machine.kill("clamd")

    try:
        found = asyncio.run(Judge(machine.host).verdicts(id, progress=progress))
    finally:
        machine.start("clamav-daemon")
    assert killed
    assert found.virus.state is State.FAILED
    assert found.virus.words == (
        "clamd, at work on this message, hung up without an answer: it was stopped, or it died"
    )
    assert found.spam.state is State.DONE


def test_what_is_larger_than_clamd_takes(machine: Machine, bad: str) -> None:
    conf = machine.path("/etc/clamav/clamd.conf")
    before = conf.read_text()
    lines = [line for line in before.splitlines() if not line.startswith("StreamMaxLength")]
    try:
        for told, words in (("", "StreamMaxLength"), ("1K", "1.0 K, StreamMaxLength")):
            conf.write_text("\n".join([*lines, "StreamMaxLength 1K", ""]))
            machine.service("clamav-daemon", "restart")
            machine.wait_until(lambda: machine.answers("clamav-daemon"), "clamd")
            conf.write_text("\n".join([*lines, f"StreamMaxLength {told}" if told else "", ""]))
            found = judged(machine, bad)
            assert found.virus.state is State.FAILED
            assert f"more than clamd takes ({words})" in found.virus.words
    finally:
        conf.write_text(before)
        machine.service("clamav-daemon", "restart")
        machine.wait_until(lambda: machine.answers("clamav-daemon"), "clamd")


def test_signatures_each_with_its_reason(machine: Machine) -> None:
    private, published = rsa()
    machine.names.publish("gone._domainkey.shop.test", "v=DKIM1; p=")
    machine.names.publish("s._domainkey.shop.test", published)
    message = letter("signed", From="a@shop.test")
    for selector in (b"s", b"gone", b"never"):
        message = dkim.sign(message, selector, b"shop.test", private) + message
    found = judged(machine, queued(machine, message, client=OUTSIDE))
    assert [(one.selector, one.result) for one in found.signatures] == [
        ("never", "permerror"),
        ("gone", "permerror"),
        ("s", "pass"),
    ]
    assert [one.why for one in found.signatures[:2]] == [
        "no key is published",
        "the key was revoked by its domain",
    ]
    spoilt = message.replace(b"How are you", b"Who are you")
    found = judged(machine, queued(machine, spoilt, client=OUTSIDE))
    assert (found.signatures[2].result, found.signatures[2].why) == (
        "fail",
        "the body was changed after it was signed",
    )
    machine.names.silent = True
    try:
        found = judged(machine, queued(machine, message, client=OUTSIDE))
    finally:
        machine.names.silent = False
    assert {one.result for one in found.signatures} == {"temperror"}
    assert "192.0.2.53 does not answer" in found.signatures[0].why


def test_it_can_be_stopped_and_leaves_nobody_at_work(machine: Machine, bad: str) -> None:
    cancel = asyncio.Event()

    async def stopped() -> None:
        def progress(so_far: Verdicts) -> None:
            if so_far.spam.words:
                cancel.set()

        with pytest.raises(Stopped):
            await Judge(machine.host).verdicts(bad, progress=progress, cancel=cancel)

    asyncio.run(stopped())
    machine.wait_until(lambda: not machine.pids("spamassassin"), "the end of spamassassin", 10)


def test_a_corrupt_file_is_said(machine: Machine) -> None:
    id = queued(machine, letter("whole"))
    [path] = machine.path("/var/spool/postfix/deferred").rglob(id)
    data = path.read_bytes()
    path.write_bytes(data[:-200] + b"\xff" * 200)
    with pytest.raises(HostError, match="record read error"):
        judged(machine, id)
    for broken in (b"", data[:600], b"\xff" * 1000):
        path.write_bytes(broken)
        with pytest.raises(HostError, match="it is empty, or corrupt"):
            judged(machine, id)


def test_in_the_trash_and_put_aside_as_corrupt(machine: Machine) -> None:
    id = queued(machine, letter("aside", attach=[("a.txt", EICAR)]))
    machine.mtatui("queue", "delete", id, "--yes")
    assert "✖ Eicar-Test.UNOFFICIAL" in machine.mtatui("queue", "show", id, "--verdicts").stdout
    id = queued(machine, letter("aside", attach=[("a.txt", EICAR)]))
    [path] = machine.path("/var/spool/postfix/deferred").rglob(id)
    path.rename(machine.path(f"/var/spool/postfix/corrupt/{id}"))
    assert "✖ Eicar-Test.UNOFFICIAL" in machine.mtatui("queue", "show", id, "--verdicts").stdout


def test_the_command_line_tells_the_same(machine: Machine, bad: str) -> None:
    done = machine.mtatui("queue", "show", bad, "--verdicts", "--json")
    document = json.loads(done.stdout)
    assert document["id"] == bad
    verdicts = document["verdicts"]
    assert verdicts["virus"]["found"] == ["Eicar-Test.UNOFFICIAL"]
    assert verdicts["spam"]["rules"][0] == {
        "name": "GTUBE",
        "points": 1000.0,
        "description": "BODY: Generic Test for Unsolicited Bulk Email",
    }
    assert verdicts["dkim"][0]["result"] == "pass"
    assert verdicts["authentication_results"][0]["claimed_by"] == "mx.before.test"
    assert "scanning" in done.stderr or "scoring" in done.stderr
    shown = machine.mtatui("queue", "show", bad, "--verdicts").stdout
    assert "✖ Eicar-Test.UNOFFICIAL" in shown
    assert "claimed by mx.before.test" in shown


async def test_the_screen_shows_them(machine: Machine, bad: str) -> None:
    server = Server(machine.host)
    await asyncio.to_thread(server.scan)

    class Alone(App[None]):
        CSS_PATH = STYLES / "message.tcss"

        def on_mount(self) -> None:
            self.push_screen(MessageScreen(Fleet((server,)), bad))

    app = Alone()
    async with app.run_test(size=(120, 40)) as pilot:
        shown = await open_at(pilot, "V")
    server.close()
    for words in ("✖ Eicar-Test.UNOFFICIAL", "1000.00  GTUBE", "● pass  example.test", "mx.before.test"):
        assert words in shown


def test_without_spamassassin_it_says_what_to_install(machine: Machine, bad: str) -> None:
    machine.service("spamd", "stop")
    machine.run(["mount", "--bind", "/dev/null", "/usr/bin/spamassassin"])
    try:
        found = judged(machine, bad)
        assert found.spam.state in (State.MISSING, State.FAILED)
        assert "spamassassin" in found.spam.words + found.spam.advice
        assert found.virus.state is State.DONE
    finally:
        machine.run(["umount", "/usr/bin/spamassassin"])
