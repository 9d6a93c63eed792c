"""A probe against what the page promises, on a private machine: kept when it is so, broken when it is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from mtatui.backends.probing.letters import Kind
from mtatui.backends.probing.verdicts import Verdict
from mtatui.server import Server
from tests.stack.filtering import Filtering
from tests.stack.machine import Machine

pytestmark = [pytest.mark.stack, pytest.mark.daemons]


@pytest.fixture(scope="module")
def page() -> Iterator[Filtering]:
    """A machine as Debian ships it, with a key; everything on the page is switched on."""
    with Machine(opendkim=True, checks=False) as machine:
        page = Filtering(machine)
        page.set(
            antivirus="yes", virus_destiny="discard", warn_virus_admin="yes", warn_virus_recipient="yes",
            spam_kill_percent="75", spam_destiny="discard", verify_dkim="yes",
            always_signed_domains="bank.test",
        )  # fmt: skip
        yield page


def probe(page: Filtering) -> dict[Kind, tuple[Verdict | None, str]]:
    """A verdict on each message, and what happened to it."""
    prober = Server(page.machine.host).prober

    async def probed() -> dict[Kind, tuple[Verdict | None, str]]:
        done = await prober.run(await prober.plan())
        return {row.kind: (row.verdict, row.happened) for row in done.rows}

    found = asyncio.run(probed())
    page.machine.settle()
    assert not page.machine.queue_ids()
    return found


def test_what_is_promised_is_kept(page: Filtering) -> None:
    page.set(inbound__blocked_extensions="exe, vbs")
    told = json.loads(page.machine.mtatui("doctor", "--probe", "--yes", "--json", code=0).stdout)
    assert {message["kind"]: message["verdict"] for message in told["messages"]} == dict.fromkeys(
        Kind, "kept"
    )
    happened = {message["kind"]: message["happened"] for message in told["messages"]}
    assert "a notice to the administrator and the recipient" in happened["virus"]
    assert "score 10" in happened["spam"]
    assert any("/var/lib/amavis/virusmails/" in line for line in told["left"])


def test_every_destiny_is_recognised(page: Filtering) -> None:
    for destiny in ("reject", "bounce", "pass"):
        page.set(virus_destiny=destiny, spam_destiny=destiny)
        found = probe(page)
        assert found[Kind.VIRUS][0] is Verdict.KEPT, (destiny, found[Kind.VIRUS])
        assert found[Kind.SPAM][0] is Verdict.KEPT, (destiny, found[Kind.SPAM])


def test_a_scanner_without_signatures_breaks_the_promise(page: Filtering) -> None:
    machine = page.machine
    signatures = next(machine.path("/var/lib/clamav").glob("*.ndb"))
    before = signatures.read_bytes()
    try:
        signatures.write_text("Other-Test:0:0:6162636465666768696a6b6c6d6e6f70\n")
        machine.service("clamav-daemon", "restart")
        machine.wait_until(lambda: machine.answers("clamav-daemon"), "clamd")
        verdict, happened = probe(page)[Kind.VIRUS]
        assert verdict is Verdict.BROKEN
        assert "it was not found" in happened
        machine.mtatui("doctor", "--probe", "--yes", code=1)
    finally:
        signatures.write_bytes(before)
        machine.service("clamav-daemon", "restart")
        machine.wait_until(lambda: machine.answers("clamav-daemon"), "clamd")


def test_a_change_that_amavis_has_not_read_yet_breaks_the_promise(page: Filtering) -> None:
    own = page.machine.path("/etc/amavis/conf.d/99-by-hand")
    own.write_text("use strict;\n$final_spam_destiny = D_REJECT;\n1;\n")
    try:
        verdict, happened = probe(page)[Kind.SPAM]
        assert verdict is Verdict.BROKEN
        assert "should have been rejected" in happened
    finally:
        own.unlink()


def test_a_key_that_is_not_published_is_no_fault_of_amavis(page: Filtering) -> None:
    record = ("mail._domainkey.example.test", "TXT")
    published = page.machine.names.records.pop(record)
    try:
        verdict, happened = probe(page)[Kind.SIGNED]
        assert verdict is Verdict.UNKNOWN
        assert "has no record" in happened
    finally:
        page.machine.names.records[record] = published


def test_what_is_switched_off_promises_nothing(page: Filtering) -> None:
    page.set(antivirus="no", verify_dkim="no", always_signed_domains="", inbound__blocked_extensions="")
    found = probe(page)
    assert {kind for kind, (verdict, _) in found.items() if verdict is Verdict.NOTHING} == {
        Kind.VIRUS, Kind.BLOCKED, Kind.SIGNED, Kind.FORGED,
    }  # fmt: skip
    assert found[Kind.CLEAN][0] is found[Kind.SPAM][0] is Verdict.KEPT
