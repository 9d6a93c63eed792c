"""A fleet: who is in it, whose messages are whose, and how each server is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from mtatui.backends.host import HostError, Prompt, Unreachable
from mtatui.fleet import Fleet, Phase, Questions
from mtatui.queue.message import State
from mtatui.queue.query import parse
from mtatui.verbs import DELETE, HOLD
from tests.unit.fleet_fake import FakeServer


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what the threads of servers bring about."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def total(fleet: Fleet, query: str = "") -> int:
    return fleet.index.total(parse(query), 3000)


def test_a_fleet_of_one_is_that_server_and_knows_messages_by_their_queue_ids() -> None:
    server = FakeServer("alone", "AAAAA1", "AAAAA2")
    fleet = Fleet([server])
    assert fleet.scan() == {}
    assert fleet.index is server.index
    assert (fleet.many, fleet.names, fleet.name) == (False, ("",), "alone")
    assert fleet.of("AAAAA1") == (server, "AAAAA1")
    assert fleet.keys("alone", ["AAAAA1"]) == ["AAAAA1"]
    message = fleet.message("AAAAA1")
    assert message is not None
    assert (message.id, message.queue_id) == ("AAAAA1", "AAAAA1")


def test_the_same_queue_id_on_two_servers_is_two_messages() -> None:
    one, two = FakeServer("one", "AAAAA1", "AAAAA2"), FakeServer("two", "AAAAA1")
    fleet = Fleet([one, two], {"two": ["edge"]})
    assert fleet.scan() == {}
    assert (fleet.many, fleet.names, fleet.name) == (True, ("one", "two"), "2 servers")
    assert total(fleet) == 3
    assert total(fleet, "tag:edge") == 1
    assert total(fleet, "server:one") == 2
    assert fleet.of("two/AAAAA1") == (two, "AAAAA1")
    assert fleet.keys("two", ["AAAAA1"]) == ["two/AAAAA1"]
    message = fleet.message("two/AAAAA1")
    assert message is not None
    assert (message.server, message.queue_id) == ("two", "AAAAA1")
    assert two.message("AAAAA1") == message
    with pytest.raises(HostError, match="no server called 'three'"):
        fleet.of("three/AAAAA1")


def test_what_cannot_be_read_is_told_by_server_and_the_others_are_there() -> None:
    one, two = FakeServer("one", "AAAAA1"), FakeServer("two")
    two.trouble = Unreachable("two does not answer")
    fleet = Fleet([one, two])
    assert fleet.scan() == {"two": two.trouble}
    assert total(fleet) == 1


@pytest.mark.parametrize(
    "names", [("one", "one"), ("one", "-oProxyCommand=x"), ("one", "a/b"), ("", "two words")]
)
def test_names_that_would_not_tell_servers_apart_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="called"):
        Fleet([FakeServer(name) for name in names])


def test_one_that_comes_later_gives_the_first_a_name_and_one_that_goes_takes_its_messages_along() -> None:
    one, two = FakeServer("one", "AAAAA1"), FakeServer("two", "BBBBB1")
    fleet = Fleet([one])
    heard: list[int] = []
    fleet.start()
    fleet.listen(lambda: heard.append(1))
    index = fleet.index
    wait_until(lambda: fleet.message("AAAAA1"))
    fleet.join(two, ["edge"])
    wait_until(lambda: fleet.message("one/AAAAA1") and fleet.message("two/BBBBB1"))
    assert fleet.index is index
    assert fleet.message("AAAAA1") is None
    assert total(fleet) == 2
    assert total(fleet, "tag:edge") == 1

    fleet.remove("two")
    assert not fleet.many
    wait_until(lambda: two.closed.is_set() and total(fleet) == 1)
    with pytest.raises(HostError, match="only server"):
        fleet.remove("one")
    fleet.close()
    assert one.closed.is_set()


def test_a_server_that_hangs_delays_neither_the_rows_of_the_others_nor_the_end() -> None:
    one, two = FakeServer("one", "AAAAA1"), FakeServer("two", "BBBBB1")
    two.opening = threading.Event()
    fleet = Fleet([one, two])
    fleet.start()
    fleet.listen(lambda: None)
    wait_until(lambda: fleet.condition("one").phase is Phase.LIVE)
    assert fleet.condition("two").phase is Phase.OPENING
    assert fleet.index.counts()[State.DEFERRED] == 1
    threading.Timer(0.2, two.opening.set).start()  # else the end takes what it may take at most
    fleet.close()
    assert one.closed.is_set()


def test_the_conditions_of_a_server_from_opening_to_trouble_and_back() -> None:
    server = FakeServer("one", "AAAAA1")
    fleet = Fleet([server, FakeServer("two")])
    assert fleet.condition("one").phase is Phase.OPENING
    assert not fleet.condition("one").answers
    fleet.start()
    fleet.listen(lambda: None)
    wait_until(lambda: fleet.condition("one").phase is Phase.LIVE)
    assert fleet.condition("one").scanned == 1000.0
    server.trouble = Unreachable("one does not answer: no route to host")
    fleet.rescan(names=["one"])
    wait_until(lambda: fleet.condition("one").phase is Phase.TROUBLE)
    trouble = fleet.condition("one")
    assert trouble.why == "one does not answer: no route to host"
    assert trouble.since > 0
    assert trouble.scanned == 1000.0
    assert fleet.message("one/AAAAA1"), "what was known stays"
    server.trouble = None
    fleet.rescan(names=["one"])
    wait_until(lambda: fleet.condition("one").phase is Phase.LIVE)
    fleet.close()


def test_a_server_that_asks_says_so_until_it_has_its_answer() -> None:
    questions = Questions()
    fleet = Fleet([FakeServer("one"), FakeServer("two")], questions=questions)
    prompt = Prompt("two", "Password:", secret=True)
    answers: list[str | None] = []
    asking = threading.Thread(target=lambda: answers.append(questions.ask(prompt)))
    asking.start()
    wait_until(lambda: fleet.condition("two").phase is Phase.ASKING)
    assert fleet.condition("two").why == "Password:"
    assert fleet.condition("one").phase is Phase.OPENING
    questions.answer_by(lambda prompt: f"answer to {prompt.text}")
    asking.join(10)
    assert answers == ["answer to Password:"]
    assert fleet.condition("two").phase is Phase.OPENING
    questions.answer_by(None)
    assert questions.ask(prompt) is None


def test_a_server_whose_clock_is_off_says_so_and_its_scan_is_told_by_our_clock() -> None:
    server = FakeServer("one", "AAAAA1")
    fleet = Fleet([server, FakeServer("two")])
    fleet.start()
    fleet.listen(lambda: None)
    wait_until(lambda: fleet.condition("one").phase is Phase.LIVE)
    vars(server.host)["hello"] = SimpleNamespace(time=1000.0, heard=1300.0)
    condition = fleet.condition("one")
    assert condition.phase is Phase.LIMITED
    assert condition.why == "its clock is 300 s behind: ages and retry times mislead by as much"
    assert condition.scanned == 1300.0
    vars(server.host)["hello"] = SimpleNamespace(time=1000.0, heard=1002.0)
    assert fleet.condition("one").phase is Phase.LIVE
    fleet.close()


async def test_whether_postfix_runs_is_asked_of_those_that_answer() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    one.postfix_runs, two.trouble = False, Unreachable("no")
    fleet = Fleet([one, two])
    fleet.start()
    fleet.listen(lambda: None)
    wait_until(lambda: fleet.condition("one").phase is Phase.LIVE)
    wait_until(lambda: fleet.condition("two").phase is Phase.TROUBLE)
    two.hangs = True  # it would hang if it were asked
    await fleet.watch()
    assert fleet.condition("one").stopped
    fleet.close()


def test_what_one_server_can_do_is_possible_and_else_the_first_reason_is_told() -> None:
    one, two = FakeServer("one", "AAAAA1", read_only=True), FakeServer("two", "BBBBB1")
    fleet = Fleet([one, two])
    assert fleet.why_not(DELETE) == ""
    assert fleet.why_not(DELETE, keys=["one/AAAAA1", "two/BBBBB1"]) == ""
    assert fleet.why_not(DELETE, keys=["one/AAAAA1"]) == "one is open read-only"
    assert fleet.why_not(HOLD, [State.HOLD]) == "one is open read-only"
    assert fleet.why_not(HOLD, [State.HOLD], ["two/BBBBB1"]) == "already on hold"
    assert not fleet.read_only
