"""Verbs over several servers: who gets which messages, what is told of each, and who waits for whom."""

from __future__ import annotations

import asyncio

import pytest

from mtatui.backends.host import HostError, NotPermitted, ReadOnly, Unreachable
from mtatui.fleet import Fleet, together
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Outcome, Receipt, Result, Selection, Target
from mtatui.server import Server
from mtatui.verbs import DELETE, HOLD
from tests.unit.fleet_fake import FakeServer, wait_until

KEYS = ("two/BBBBB1", "one/AAAAA1", "two/BBBBB2")


def select(*keys: str) -> Selection:
    return Selection(
        tuple(Target(Identity(key, 1, 2, "s@x.test"), State.DEFERRED) for key in keys), "all", 5.0
    )


def fleet_of(*servers: FakeServer) -> Fleet:
    fleet = Fleet(servers)
    fleet.patience = 0.2
    return fleet


async def test_each_server_gets_its_own_queue_ids_and_the_receipts_bear_keys_in_the_order_chosen() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    fleet = fleet_of(one, two)
    steps: list[tuple[int, int, str]] = []
    told: dict[str, Outcome] = {}
    outcome = await fleet.act(
        HOLD, select(*KEYS), progress=lambda *step: steps.append(step), told=told.__setitem__
    )
    assert [(r.id, r.result, r.text) for r in outcome.receipts] == [
        (k, Result.DONE, "put on hold") for k in KEYS
    ]
    [(_, ids_one, entry_one)], [(_, ids_two, entry_two)] = one.acted, two.acted
    assert (ids_one, ids_two) == (("AAAAA1",), ("BBBBB1", "BBBBB2"))
    assert entry_one == entry_two == outcome.entry, "one deed in all the journals"
    assert outcome.commands == ["two: postsuper -x -", "one: postsuper -x -"]
    assert outcome.notes == ["two: a warning", "one: a warning"]
    assert outcome.ok
    assert outcome.parts == told
    assert [r.id for r in outcome.parts["two"].receipts] == ["BBBBB1", "BBBBB2"]
    assert steps[-1] == (3, 3, "Hold")
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)


async def test_a_dead_server_has_receipts_that_say_why_and_the_others_are_done() -> None:
    one, two = FakeServer("one", error=Unreachable("one does not answer: no route")), FakeServer("two")
    outcome = await fleet_of(one, two).act(HOLD, select(*KEYS))
    assert [(r.id, r.result, r.text) for r in outcome.receipts] == [
        ("two/BBBBB1", Result.DONE, "put on hold"),
        ("one/AAAAA1", Result.FAILED, "not done: one does not answer: no route"),
        ("two/BBBBB2", Result.DONE, "put on hold"),
    ]
    assert not outcome.ok


async def test_who_can_do_nothing_says_why_and_is_not_sent_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = FakeServer("one"), FakeServer("two")
    monkeypatch.setattr(one.host, "limits", "there is no Python on one")
    outcome = await fleet_of(one, two).act(HOLD, select(*KEYS))
    failed = [(r.id, r.text) for r in outcome.receipts if r.result is Result.FAILED]
    assert failed == [("one/AAAAA1", "not done: there is no Python on one.")]
    assert not one.acted
    assert two.acted


async def test_a_server_that_hangs_is_not_waited_for_and_is_told_of_when_it_answers() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    one.hangs = True
    told: list[tuple[str, Outcome]] = []
    fleet = fleet_of(one, two)
    outcome = await fleet.act(HOLD, select(*KEYS), told=lambda *words: told.append(words))
    texts = {r.id: (r.result, r.text) for r in outcome.receipts}
    assert texts["two/BBBBB1"] == (Result.DONE, "put on hold")
    result, text = texts["one/AAAAA1"]
    assert result is Result.FAILED
    assert text.startswith("it is not known what came of it: no word from it for 0.2 seconds")
    assert [name for name, _ in told] == ["two", "one"]
    [stop] = one.stops
    assert stop is not None
    assert stop.is_set(), "nothing more is begun there"
    [other] = two.stops
    assert other is not None
    assert not other.is_set()

    assert await fleet.settle() == []
    one.let_go.set()
    await wait_until(lambda: fleet.late)
    [late] = await fleet.settle()
    assert late.receipts == [Receipt("one/AAAAA1", Result.DONE, "put on hold")]
    assert await fleet.settle() == []


async def test_while_others_are_at_work_a_silent_server_is_waited_for() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    one.hangs = two.hangs = True
    fleet = fleet_of(one, two)
    acting = asyncio.create_task(fleet.act(HOLD, select(*KEYS)))
    await wait_until(lambda: one.acted and two.acted)
    one.let_go.set()
    two.let_go.set()
    assert (await acting).ok


async def test_where_nothing_was_done_anywhere_it_is_an_error_as_of_one_server() -> None:
    one, two = (
        FakeServer("one", error=ReadOnly("it is read-only")),
        FakeServer("two", error=ReadOnly("so is it")),
    )
    with pytest.raises(ReadOnly, match="two: so is it\none: it is read-only"):
        await fleet_of(one, two).act(DELETE, select(*KEYS))
    two.error = NotPermitted("no root")
    with pytest.raises(HostError, match="two: no root\none: it is read-only"):
        await fleet_of(one, two).act(DELETE, select(*KEYS))


async def test_of_one_server_its_error_is_passed_on_as_it_is() -> None:
    error = Unreachable("no answer")
    with pytest.raises(Unreachable) as raised:
        await Fleet([FakeServer("alone", error=error)]).act(HOLD, select("AAAAA1"))
    assert raised.value is error


async def test_a_wish_to_stop_is_heard_by_all() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    one.hangs = two.hangs = True
    fleet, cancel = fleet_of(one, two), asyncio.Event()
    acting = asyncio.create_task(fleet.act(HOLD, select(*KEYS), cancel=cancel))
    await wait_until(lambda: one.stops and two.stops)
    cancel.set()
    assert all(stop is not None and stop.is_set() for stop in one.stops + two.stops)
    one.let_go.set()
    two.let_go.set()
    await acting


async def test_messages_of_a_server_that_was_removed_meanwhile_have_their_receipts() -> None:
    one, two, three = FakeServer("one"), FakeServer("two"), FakeServer("three")
    fleet = fleet_of(one, two, three)
    fleet.remove("one")
    outcome = await fleet.act(HOLD, select(*KEYS))
    assert [r.result for r in outcome.receipts] == [Result.DONE, Result.FAILED, Result.DONE]
    assert "no server called 'one'" in outcome.receipts[1].text
    assert one.acted == []
    [receipt] = (await fleet.act(HOLD, select("one/AAAAA1"))).receipts
    assert receipt.result is Result.FAILED


async def test_servers_that_block_their_threads_leave_threads_for_the_others() -> None:
    fleet = fleet_of(*(FakeServer(f"mx{n}") for n in range(30)))
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait() -> str:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(10)
        return "waited"

    def go() -> str:
        loop.call_soon_threadsafe(gate.set)
        return "went"

    async def block(server: Server) -> str:
        """29 of them take a thread and keep it until the last has had one, too."""
        return await asyncio.to_thread(go if server is fleet.servers[-1] else wait)

    answers = await fleet.each(block)
    assert list(answers.values()) == ["waited"] * 29 + ["went"]


async def test_who_does_not_answer_in_time_is_left_out() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    one.hangs = True
    answers = await fleet_of(one, two).each(lambda server: server.running(), patience=0.05)
    assert answers["two"] is True
    assert str(answers["one"]) == "one did not answer within 0.05 seconds."


async def test_what_was_interrupted_is_told_once_and_again_after_trouble() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    one.interrupted = [Outcome("delete", 1.0, [Receipt("AAAAA1", Result.DONE, "deleted")], notes=["cut"])]
    two.error = Unreachable("no")
    fleet = fleet_of(one, two)
    [outcome] = await fleet.settle()
    assert [r.id for r in outcome.receipts] == ["one/AAAAA1"]
    assert outcome.notes == ["one: cut"]
    two.error = None
    await fleet.settle()
    assert (one.settles, two.settles) == (1, 2), "only who could not be asked is asked again"

    fleet.start()
    fleet.listen(lambda: None)
    await wait_until(lambda: all(fleet.condition(name).answers for name in fleet.names))
    one.trouble = Unreachable("cut")
    fleet.rescan()
    await wait_until(lambda: not fleet.condition("one").answers)
    await fleet.settle()
    one.trouble = None
    fleet.rescan()
    await wait_until(lambda: fleet.condition("one").answers)
    await fleet.settle()
    assert (one.settles, two.settles) == (2, 2)
    fleet.close()


async def test_a_flush_that_fails_somewhere_is_told_and_that_fails_everywhere_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flushed: list[tuple[str, str]] = []

    async def flush(server: FakeServer, site: str = "") -> None:
        flushed.append((server.name, site))
        if server.error is not None:
            raise server.error

    monkeypatch.setattr(FakeServer, "flush", flush)
    one, two = FakeServer("one", error=Unreachable("no")), FakeServer("two")
    fleet = fleet_of(one, two)
    assert await fleet.flush("site.test") == {"one": one.error}
    assert await fleet.flush(names=["two"]) == {}
    assert flushed == [("one", "site.test"), ("two", "site.test"), ("two", "")]
    with pytest.raises(Unreachable, match="one: no"):
        await fleet.flush(names=["one"])


def test_errors_of_one_kind_stay_of_that_kind() -> None:
    class Odd(Unreachable):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} {b}")

    error = together.together_failed({"one": Odd(1, 2), "two": Unreachable("x")})
    assert type(error) is Unreachable
    assert str(error) == "one: 1 2\ntwo: x"


async def test_after_a_verb_that_was_not_done_everywhere_it_is_found_out_what_came_of_it() -> None:
    one, two = FakeServer("one"), FakeServer("two")
    fleet = fleet_of(one, two)
    await fleet.settle()
    two.error = Unreachable("cut half way")
    await fleet.act(HOLD, select(*KEYS))
    two.error = None
    two.interrupted = [Outcome("hold", 1.0, [Receipt("BBBBB1", Result.DONE, "put on hold")], notes=["found"])]
    [found] = await fleet.settle()
    assert found.notes == ["two: found"]
    assert (one.settles, two.settles) == (1, 2)
    alone = FakeServer("alone", error=Unreachable("cut half way"))
    fleet = Fleet([alone])
    with pytest.raises(Unreachable):
        await fleet.act(HOLD, select("AAAAA1"))
    alone.error = None
    await fleet.settle()
    await fleet.settle()
    assert alone.settles == 1
