"""The hands of the terminal face over several servers: what is asked, and what is told of whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.screen import Screen

from mtatui.backends.host import HostError, Unreachable
from mtatui.backends.postfix.trash import Contents
from mtatui.fleet import Fleet
from mtatui.screens.acting import Acting
from mtatui.verbs import DELETE
from mtatui.widgets.dialog import ConfirmDialog
from mtatui.widgets.lines import Piece
from tests.unit.fleet_fake import FakeServer, wait_until


class Person:
    """Stands in for the app: hears what is told, and answers what is asked."""

    def __init__(self, *, says: bool) -> None:
        self.says = says
        self.told: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self._jobs: set[asyncio.Task[None]] = set()

    def push_screen(self, screen: Screen[Any], callback: Callable[[Any], None]) -> None:
        assert isinstance(screen, ConfirmDialog)
        self.asked = [line.plain for line in screen._words]
        callback(self.says)

    def tell(self, text: str, severity: str = "information") -> None:
        self.told.append((text, severity))

    def progress(self, pieces: Sequence[Piece]) -> None:
        pass

    def work(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)


class Trashy(Fleet):
    """A fleet with something in the trash of each server, and Postfixes that can be asked."""

    def __init__(self, servers: Iterable[FakeServer], **trash: int) -> None:
        super().__init__(servers)
        self.in_trash = trash
        self.emptied: list[str] = []
        self.flushed: list[str] = []

    async def trash(
        self, limit: int = 0, names: Iterable[str] | None = None
    ) -> dict[str, Contents | HostError]:
        asked = self.names if names is None else names
        return {name: Contents(self.in_trash[name], 1000 * self.in_trash[name], []) for name in asked}

    async def empty_trash(self, names: Iterable[str] | None = None) -> dict[str, tuple[int, int] | HostError]:
        self.emptied = list(self.names if names is None else names)
        return {name: (self.in_trash[name], 0) for name in self.emptied}

    async def flush(self, site: str = "", names: Iterable[str] | None = None) -> dict[str, HostError]:
        self.flushed = list(self.names if names is None else names)
        return {name: HostError("postqueue: fatal") for name in self.flushed if name == "sick"}


@asynccontextmanager
async def at_hand(*servers: FakeServer, says: bool = True) -> AsyncIterator[tuple[Person, Acting, Trashy]]:
    """A person before a fleet whose queues were read, but for those that do not answer."""
    fleet = Trashy(servers, one=3, two=4, dead=5)
    fleet.start()
    await wait_until(lambda: all(server.live and server.live.begun.is_set() for server in servers))
    person = Person(says=says)
    try:
        yield person, Acting(person, fleet), fleet
    finally:
        await asyncio.to_thread(fleet.close)


def dead(*ids: str) -> FakeServer:
    server = FakeServer("dead", *ids)
    server.trouble = Unreachable("dead: no route")
    return server


async def test_the_trash_of_those_that_are_named_is_emptied_and_the_question_names_them() -> None:
    async with at_hand(FakeServer("one"), FakeServer("two")) as (person, acting, fleet):
        await acting.empty_trash(["two"])
        await wait_until(lambda: person.told)
        assert fleet.emptied == ["two"]
        assert person.asked[0].startswith("4 messages, ")
        assert "On two 4." in person.asked
        assert person.told == [("4 messages removed from the trash for good.", "information")]


async def test_without_names_the_trash_of_all_that_answer_is_emptied_and_the_others_are_told() -> None:
    async with at_hand(FakeServer("one"), FakeServer("two"), dead()) as (person, acting, fleet):
        await acting.empty_trash()
        await wait_until(lambda: person.told)
        assert fleet.emptied == ["one", "two"]
        assert "On one 3, two 4." in person.asked
        assert "Not asked, for they do not answer: dead." in person.asked


async def test_an_empty_trash_says_whose_it_is() -> None:
    async with at_hand(FakeServer("one"), FakeServer("two")) as (person, acting, fleet):
        fleet.in_trash["one"] = 0
        await acting.empty_trash(["one"])
        assert person.told == [("The trash is empty on one.", "information")]
        assert not person.asked


async def test_the_trash_of_who_does_not_answer_is_not_called_empty() -> None:
    async with at_hand(FakeServer("one"), dead()) as (person, acting, fleet):
        await acting.empty_trash(["dead"])
        assert person.told == [("Nothing was asked of dead: no answer.", "warning")]
        fleet.in_trash["one"] = 0
        await acting.empty_trash()
        assert person.told[1:] == [("The trash is empty on one.", "information")]
        assert not person.asked


async def test_flushing_says_where_and_leaves_out_who_does_not_answer() -> None:
    async with at_hand(FakeServer("one"), FakeServer("two"), dead()) as (person, acting, fleet):
        await acting.flush("", ["one"])
        await acting.flush("full.test")
        assert person.told == [
            ("Postfix was asked to try every deferred message now on one.", "information"),
            (
                "Not everywhere was Postfix asked to try what waits for full.test now: dead: no answer",
                "warning",
            ),
        ]
        assert fleet.flushed == ["one", "two"]


async def test_flushing_what_does_not_answer_asks_nobody() -> None:
    async with at_hand(FakeServer("one"), dead()) as (person, acting, fleet):
        await acting.flush("", ["dead"])
        assert fleet.flushed == []
        assert person.told == [("Nothing was asked of dead: no answer.", "warning")]


async def test_the_question_names_the_servers_and_who_does_not_answer() -> None:
    fallen = FakeServer("dead", "DDDDD1")
    async with at_hand(FakeServer("one", "AAAAA1"), fallen, says=False) as (person, acting, fleet):
        await wait_until(lambda: sum(fleet.index.counts().values()) == 2)
        fallen.trouble = Unreachable("dead: no route")
        fleet.rescan()
        await wait_until(lambda: not fleet.condition("dead").answers)
        await acting.choose(DELETE, ["one/AAAAA1", "dead/DDDDD1"], "2 marked")
        assert any(line.startswith("  on 2 servers  (") for line in person.asked), person.asked
        assert "No answer now from dead: nothing may be done there." in person.asked
        assert person.told == [("Nothing was done.", "information")]


async def test_the_question_says_where_nothing_can_be_done_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    old = FakeServer("old", "DDDDD1", "DDDDD2")
    monkeypatch.setattr(old.host, "limits", "there is no Python on old")
    async with at_hand(FakeServer("one", "AAAAA1"), old, says=False) as (person, acting, fleet):
        await wait_until(lambda: sum(fleet.index.counts().values()) == 3)
        await acting.choose(DELETE, ["one/AAAAA1", "old/DDDDD1", "old/DDDDD2"], "3 marked")
        assert "Nothing can be done on old (2): there is no Python on old." in person.asked
        await acting.choose(DELETE, ["one/AAAAA1"], "1 marked")
        assert not any("Nothing can be done" in line for line in person.asked)


async def test_a_lone_server_is_never_named() -> None:
    async with at_hand(FakeServer("one", "AAAAA1")) as (person, acting, fleet):
        fleet.in_trash[""] = 2
        await acting.flush()
        await acting.empty_trash()
        await wait_until(lambda: len(person.told) == 2)
        assert person.told[0] == ("Postfix was asked to try every deferred message now.", "information")
        assert not any("one" in line.split() for line in person.asked)
