"""A server far away: no action needs more than three round trips, counted on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from mtatui.backends.demo.writer import Draft, To, postfix_owner, write
from mtatui.backends.postfix.run import BATCH
from mtatui.queue.message import State
from mtatui.queue.selection import Outcome
from mtatui.server import Server
from mtatui.verbs import BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE, RESTORE, Verb
from tests.stack.acting import frozen
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.trips import counted

pytestmark = pytest.mark.stack

#: So many messages that a program which took each by itself would show.
MANY = 20


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    """A Postfix whose queue manager stands still, so that every message stays where it was put."""
    with PostfixInstance(enable_long_queue_ids="yes") as instance, instance.frozen("qmgr"):
        yield instance


@pytest.fixture(scope="module")
def server(instance: PostfixInstance) -> Iterator[Server]:
    """It, far away."""
    with Sshd() as sshd:
        server = Server(sshd.host(), str(instance.config), "mx1", far=True)
        yield server
        server.close()


def mail(instance: PostfixInstance, state: str, number: int = MANY) -> list[str]:
    """Messages in a state."""
    draft = Draft([To("r@ok.test")], sender="s@sender.test", arrival=1e9, state=state)
    return [write(instance.queue, draft, long_id=True, owner=postfix_owner()) for _ in range(number)]


async def trips(do: Callable[[], Awaitable[object]]) -> int:
    """How many something takes when the connection and its programs are warm."""
    with counted() as trips:
        outcome = await do()
    if isinstance(outcome, Outcome):
        assert outcome.ok, (outcome.receipts, outcome.notes)
    return trips.count


@pytest.mark.parametrize(
    ("verb", "state", "number"),
    [
        (HOLD, "deferred", 3),
        (HOLD, "incoming", 2),
        (HOLD, "corrupt", 2),
        (RELEASE, "hold", 3),
        (RELEASE, "corrupt", 3),
        (REQUEUE, "deferred", 3),
        (DELETE, "deferred", 3),
        (DELETE, "incoming", 3),
        (DELETE, "corrupt", 2),
        (BOUNCE, "deferred", 3),
        (BOUNCE, "incoming", 3),
        (DELIVER, "deferred", 2),
    ],
    ids=str,
)
async def test_a_verb(instance: PostfixInstance, server: Server, verb: Verb, state: str, number: int) -> None:
    await server.reached()
    selection = frozen(server.actor, mail(instance, state), State(state))
    assert {target.state for target in selection.targets} == {state}
    assert await trips(lambda: server.act(verb, selection)) == number


async def test_more_than_are_looked_at_in_one_go_elsewhere(instance: PostfixInstance, server: Server) -> None:
    await server.reached()
    selection = frozen(server.actor, mail(instance, "deferred", BATCH + 100))
    assert await trips(lambda: server.act(HOLD, selection)) == 3
    assert await trips(lambda: server.act(DELETE, selection)) == 3
    assert await trips(lambda: server.act(RESTORE, selection)) == 2


async def test_undo_restore_and_the_trash(instance: PostfixInstance, server: Server) -> None:
    """Looking for what can be undone is one, before the question."""
    await server.reached()
    selection = frozen(server.actor, mail(instance, "deferred"))
    await server.act(DELETE, selection)
    assert await trips(server.actor.undo) == 3
    await server.act(DELETE, selection)
    assert await trips(lambda: server.act(RESTORE, selection)) == 2
    await server.act(RELEASE, selection)
    await server.act(HOLD, selection)
    entry = await asyncio.to_thread(server.journal.last_undoable)
    assert await trips(lambda: server.actor.undo(entry)) == 3
    await server.act(DELETE, selection)
    assert await trips(server.actor.trash.contents) == 1
    assert await trips(server.actor.trash.empty) == 2


async def test_what_is_about_the_whole_queue_or_one_message(
    instance: PostfixInstance, server: Server
) -> None:
    await server.reached()
    [id, *_] = mail(instance, "deferred")
    assert await trips(lambda: server.content(id, 4096)) == 1
    assert await trips(lambda: server.records(id)) == 1
    assert await trips(lambda: server.log_lines(id)) <= 3
    assert await trips(server.flush) == 1
    assert await trips(lambda: server.flush("ok.test")) == 1
