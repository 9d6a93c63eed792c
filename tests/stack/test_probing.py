"""A probe through the whole chain of a private machine: Postfix, amavis, clamd, SpamAssassin as on Debian."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import time
from collections.abc import Iterator

import pytest

from mtatui.backends.host import Unreachable
from mtatui.backends.probing import Probed, Prober, Refused, Row
from mtatui.backends.probing.letters import Kind
from mtatui.backends.probing.verdicts import Verdict
from mtatui.server import Server
from tests.stack.machine import Machine, MachineHost

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

NOBODY = "double-bounce@mail.example.test"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Machine() as machine:
        yield machine


@pytest.fixture
def prober(machine: Machine) -> Prober:
    return Server(machine.host).prober


async def probed(prober: Prober, to: str = "") -> dict[Kind, Row]:
    return rows(await prober.run(await prober.plan(to)))


def rows(probed: Probed) -> dict[Kind, Row]:
    return {row.kind: row for row in probed.rows}


@contextlib.contextmanager
def setting(machine: Machine, name: str, value: str) -> Iterator[None]:
    """A parameter of main.cf, for a while."""
    path = machine.path("/etc/postfix/main.cf")
    before = path.read_text("utf-8")

    def put(text: str) -> None:
        path.write_text(text, "utf-8")
        os.utime(path, (time.time() - 60,) * 2)  # Postfix waits with one that is younger than 2 s
        machine.run(["postfix", "reload"])
        assert machine.answers("postfix")  # an old smtpd may serve one more client

    put(f"{before}\n{name} = {value}\n")
    try:
        yield
    finally:
        put(before)


def nobody_got_any(machine: Machine) -> bool:
    """Whether nothing of a probe is in the queue or in anybody's mailbox."""
    machine.settle()
    return not machine.queue_ids() and not [
        letter
        for letter in machine.mailboxes.letters
        if b"X-Mtatui-Probe: " in letter.data.partition(b"\r\n\r\n")[0]
    ]


async def test_each_message_is_followed_to_its_end_and_nothing_stays(
    machine: Machine, prober: Prober
) -> None:
    heard: list[tuple[Kind, str]] = []
    plan = await prober.plan()
    assert plan.recipient == NOBODY
    assert plan.thrown_away
    done = await prober.run(plan, lambda row: heard.append((row.kind, row.state)))
    found = rows(done)
    assert found[Kind.CLEAN].verdict is Verdict.KEPT
    assert "found it clean" in found[Kind.CLEAN].happened
    assert "thrown away" in found[Kind.CLEAN].happened
    assert "found a virus (Eicar" in found[Kind.VIRUS].happened
    assert "score 1000" in found[Kind.SPAM].happened
    assert "blocked attachment" in found[Kind.BLOCKED].happened
    assert found[Kind.FORGED].state == "done"
    # It says whether anything is left, and where.
    assert any("quarantine as" in line and line.startswith("Test virus") for line in done.left)
    assert nobody_got_any(machine)
    # Clean goes first and alone; each is told as it goes.
    assert heard[:3] == [(Kind.CLEAN, state) for state in ("sending", "following", "done")]
    # The lines about it are there to be read, and are about nobody else.
    assert all(
        row.log and row.message_id in " ".join(row.log) for row in found.values() if row.state == "done"
    )


async def test_a_probe_to_somebody_arrives_there(machine: Machine, prober: Prober) -> None:
    found = await probed(prober, "anna@example.test")
    assert found[Kind.CLEAN].verdict is Verdict.KEPT
    machine.settle()
    got = b"".join(letter.data for letter in machine.mail("anna@example.test"))
    assert found[Kind.CLEAN].message_id.encode() in got
    assert found[Kind.VIRUS].message_id.encode() not in got
    machine.mailboxes.letters.clear()


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("virtual_alias_maps", "inline:{ @mail.example.test=anna@example.test }", "anna@example.test"),
        ("virtual_alias_maps", "regexp:{{/^double-bounce@/ eve@example.test}}", "eve@example.test"),
        ("recipient_canonical_maps", f"inline:{{ {NOBODY}=bob@example.test }}", "bob@example.test"),
        ("mydestination", "", "mydestination"),
    ],
)
async def test_where_nobody_is_somebody_an_address_must_be_named(
    machine: Machine, prober: Prober, parameter: str, value: str, words: str
) -> None:
    with setting(machine, parameter, value):
        with pytest.raises(Refused, match="--to") as refused:
            await prober.plan()
        assert words in str(refused.value)
        assert (await prober.plan("anna@example.test")).recipient == "anna@example.test"


async def test_strict_lists_of_recipients_take_it_all_the_same(machine: Machine, prober: Prober) -> None:
    with (
        setting(machine, "local_recipient_maps", "inline:{ anna=x }"),
        setting(
            machine, "smtpd_recipient_restrictions", "reject_unlisted_recipient, reject_unauth_destination"
        ),
    ):
        found = await probed(prober)
    assert found[Kind.CLEAN].verdict is Verdict.KEPT
    assert nobody_got_any(machine)


async def test_without_the_servers_name_among_its_own_domains_another_one_serves(
    machine: Machine, prober: Prober
) -> None:
    with setting(machine, "mydestination", "localhost"):
        plan = await prober.plan()
        assert plan.recipient == "double-bounce@localhost"
        assert rows(await prober.run(plan))[Kind.CLEAN].verdict is Verdict.KEPT
    assert nobody_got_any(machine)


async def test_who_gets_copies_is_told_and_is_no_hindrance(machine: Machine, prober: Prober) -> None:
    with setting(machine, "always_bcc", "archive@example.test"):
        machine.service("postfix", "stop")
        machine.start("postfix")
        plan = await prober.plan()
        assert any("archive@example.test gets copies" in line for line in plan.says)
        done = await prober.run(plan)
    assert not done.stopped
    assert rows(done)[Kind.CLEAN].verdict is Verdict.KEPT
    machine.settle()
    assert machine.mail("archive@example.test")
    machine.mailboxes.letters.clear()


async def test_a_filter_that_is_dead_is_told_and_nothing_stays_in_the_queue(
    machine: Machine, prober: Prober
) -> None:
    machine.service("amavis", "stop")
    try:
        done = await prober.run(await prober.plan())
        found = rows(done)
        assert found[Kind.CLEAN].verdict is Verdict.BROKEN
        assert "refused" in found[Kind.CLEAN].happened
        # Where the first did not come through nothing else was sent.
        assert {row.state for kind, row in found.items() if kind is not Kind.CLEAN} == {"left out"}
        assert "was removed from the queue" in " ".join(done.left)
        assert nobody_got_any(machine)
    finally:
        machine.start("amavis")


async def test_who_stops_it_leaves_nothing_in_the_queue(machine: Machine, prober: Prober) -> None:
    plan = await prober.plan()
    following = asyncio.Event()

    def heard(row: Row) -> None:
        if row.state == "following":
            following.set()

    with machine.frozen("clamd"):  # amavis waits for it
        running = asyncio.create_task(prober.run(plan, heard))
        async with asyncio.timeout(20):
            await following.wait()
        assert machine.queue_ids()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert nobody_got_any(machine)


async def test_read_only_sends_nothing(machine: Machine) -> None:
    with pytest.raises(Refused, match="read-only"):
        await Server(MachineHost(machine, read_only=True)).prober.plan()


def test_the_command_line_asks_first_and_tells_it_all(machine: Machine) -> None:
    refused = machine.mtatui("doctor", "--probe", code=3)
    assert "--yes" in refused.stderr
    assert NOBODY in refused.stderr  # what it would have done
    assert machine.mtatui("--read-only", "doctor", "--probe", "--yes", code=3).stdout == ""
    assert "no address" in machine.mtatui("doctor", "--probe", "--yes", "--to", "x y@z", code=3).stderr
    machine.mtatui("doctor", "--to", "anna@example.test", code=2)
    told = json.loads(machine.mtatui("doctor", "--probe", "--yes", "--json", code=0).stdout)
    assert [message["kind"] for message in told["messages"]] == [kind.value for kind in Kind]
    assert told["recipient"] == NOBODY
    assert not told["broken"]
    assert nobody_got_any(machine)
    text = machine.mtatui("doctor", "--probe", "--yes").stdout
    assert re.search(r"^✓ Clean message .*promised .*it arrives$", text, re.MULTILINE)


async def test_a_listener_that_is_gone_is_told(machine: Machine, prober: Prober) -> None:
    plan = await prober.plan()
    machine.service("postfix", "stop")
    try:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:25"):
            await prober.run(plan)
    finally:
        machine.start("postfix")


async def test_who_is_greylisted_is_told_so_and_nothing_more_is_sent(
    machine: Machine, prober: Prober
) -> None:
    later = "check_client_access static:{450 4.7.1 Greylisted}"
    with setting(machine, "smtpd_recipient_restrictions", later):
        machine.service("postfix", "stop")
        machine.start("postfix")
        done = await prober.run(await prober.plan("anna@example.test"))
        assert rows(done)[Kind.CLEAN].verdict is Verdict.UNKNOWN
        assert "Greylisted" in rows(done)[Kind.CLEAN].happened
        assert "not taken" in done.stopped
        assert not done.well
        # Restrictions do not hold for the address that is thrown away: smtpd(8) takes it as that of its own
        # address probes.
        assert (await probed(prober))[Kind.CLEAN].verdict is Verdict.KEPT


async def test_what_goes_on_to_somebody_unforeseen_is_one_harmless_message(
    machine: Machine, prober: Prober
) -> None:
    plan = await prober.plan()
    with setting(machine, "virtual_alias_maps", f"inline:{{ {NOBODY}=eve@elsewhere.test }}"):
        machine.service("postfix", "stop")
        machine.start("postfix")
        done = await prober.run(plan)
    assert "not thrown away" in done.stopped
    assert {row.state for row in done.rows if row.kind is not Kind.CLEAN} == {"left out"}
    machine.settle()
    assert len(machine.mail("eve@elsewhere.test")) == 1
    machine.mailboxes.letters.clear()
