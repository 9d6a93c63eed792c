"""Changes that a real Postfix accepts and does not bear: it is as it was, and answers, by itself."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Iterator

import pytest

from mtatui.backends.applying import ROLL_BACK, Ending
from tests.stack.changes import Desk, Killed, another_master, began, edit, same
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    # What has died of a bad configuration is started again soon, and a test needs not wait a minute.
    with PostfixInstance(service_throttle_time="1s") as instance:
        yield instance


@pytest.fixture
def desk(instance: PostfixInstance) -> Iterator[Desk]:
    """A desk at a Postfix that is as it was in the beginning."""
    with Desk(instance) as desk:
        yield desk


BAD = {
    "a boolean": ({"smtpd_helo_required": "maybe"}, "bad boolean configuration"),
    "no relay restrictions": ({"smtpd_relay_restrictions": ""}, "specify at least one working instance"),
    "a network with host bits": ({"mynetworks": "127.0.0.1/8"}, "451 4.3.0"),
    "a time": ({"queue_run_delay": "soon"}, "Postfix is not well with it: qmgr died"),
    "a table that is not there": (
        {"smtpd_sender_restrictions": "check_sender_access texthash:/no/such/table"},
        "451 4.3.5",
    ),
    "a restriction": ({"mynetworks": "192.0.2.1", "smtpd_helo_restrictions": "reject_it"}, "451 4.3.5"),
}


@pytest.mark.parametrize("bad", BAD)
def test_postfix_accepts_it_and_does_not_come_back(desk: Desk, bad: str) -> None:
    parameters, said = BAD[bad]
    edits, info = desk.edits(**parameters), desk.main_cf.stat()
    applied = desk.apply(desk.plan(*edits, checks=False), host=Killed("nobody"))
    assert (applied.outcome, applied.exit_code) == (Ending.ROLLED_BACK, 5)
    assert said in applied.text
    assert "The old configuration is back, and Postfix answers" in applied.text
    assert began(applied)[-2:] == ["probe", ROLL_BACK]
    assert ("died" in said) <= any("up to a minute" in step.text for step in applied.steps)
    assert same(edits, after=False)
    now = desk.main_cf.stat()
    assert (now.st_ino, now.st_mtime_ns) == (info.st_ino, info.st_mtime_ns)
    assert desk.works()
    entry = desk.entries()[0]
    assert (entry.outcome, entry.text) == (Ending.ROLLED_BACK, applied.text)
    assert not entry.undoable


@pytest.mark.parametrize("bad", [bad for bad in BAD if bad != "a time"])
def test_a_rehearsal_finds_it_before_anything_is_touched(desk: Desk, bad: str) -> None:
    parameters, said = BAD[bad]
    edits, info = desk.edits(**parameters), desk.main_cf.stat()
    applied = desk.apply(desk.plan(*edits, checks=False))
    assert applied.outcome is Ending.REFUSED
    assert said in applied.text
    assert same(edits, after=False)
    assert desk.main_cf.stat().st_ino == info.st_ino
    assert desk.greets()
    assert not (desk.instance.queue / "pid" / "inet.mtatui").exists()


def test_a_rehearsal_means_the_tables_as_they_will_be(desk: Desk) -> None:
    """One that is new is not there yet; that must not be taken for a mistake."""
    table = desk.instance.config / "mtatui" / "senders"
    [main] = desk.edits(smtpd_sender_restrictions=f"check_sender_access texthash:{table}")
    applied = desk.apply(desk.plan(edit(table, b"x@y.test REJECT\n"), main))
    assert applied.outcome is Ending.APPLIED, applied.text
    assert desk.works()


def test_a_master_that_dies_of_it_is_started_again(
    make_postfix: Callable[..., PostfixInstance],
) -> None:
    desk = Desk(make_postfix())
    with socket.socket() as taken, another_master(desk.instance):
        taken.bind((desk.instance.address, 2525))
        taken.listen()
        master_cf = desk.instance.config / "master.cf"
        line = f"{desk.instance.address}:2525 inet n - n - - smtpd\n".encode()
        one = edit(master_cf, master_cf.read_bytes() + line)
        applied = desk.apply(desk.plan(one))
        assert applied.outcome is Ending.ROLLED_BACK
        assert "Postfix does not run any more" in applied.text
        assert same((one,), after=False)
        assert desk.instance.send("me@sender.test", "you@ok.test")


def test_what_was_unwell_before_may_stay_so(desk: Desk) -> None:
    [one] = desk.edits(smtpd_banner="mending")
    plan = desk.plan(one)
    dead = dataclasses.replace(plan.probes[0], port=26)
    applied = desk.apply(dataclasses.replace(plan, probes=(*plan.probes, dead)))
    assert applied.outcome is Ending.APPLIED
    assert any("nobody listens there, before any change" in step.text for step in applied.steps)


def test_a_log_that_is_stuck_flows_again(make_postfix: Callable[..., PostfixInstance]) -> None:
    """So many duplicates that postlogd waits for itself after a reload (3.7): nobody goes on then."""
    desk = Desk(make_postfix())
    lines = b"".join(b"smtpd_banner = number %d\n" % number for number in range(16))
    with another_master(desk.instance):
        for before in (b"", lines):
            one = edit(desk.main_cf, desk.main_cf.read_bytes() + before + lines)
            applied = desk.apply(desk.plan(one, checks=False))
            assert applied.outcome in (Ending.APPLIED, Ending.ROLLED_BACK), applied.text
            assert same((one,), after=applied.outcome is Ending.APPLIED)
            assert desk.works()


def test_a_reload_that_fails_is_taken_back(desk: Desk) -> None:
    [one] = edits = desk.edits(smtpd_banner="no reload")
    plan = desk.plan(one)
    bad = dataclasses.replace(plan.reload[0], argv=("postfix", "-c", str(desk.instance.root), "reload"))
    applied = desk.apply(dataclasses.replace(plan, reload=(bad,)))
    # The old files are back; that the same reload fails again must not be kept from the person.
    assert applied.outcome is Ending.BROKEN
    assert "The old configuration is back" in applied.text
    assert same(edits, after=False)
    retried = desk.roll_back(applied.entry_id)
    assert retried.outcome is Ending.BROKEN
