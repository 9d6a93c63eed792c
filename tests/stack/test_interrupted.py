"""Verbs on messages in the middle of a delivery: what the queue manager has in its memory must do no harm.

qmgr(8) keeps an active message in memory, wherever its file is moved meanwhile. Held, released and picked up
again under the same queue ID before its first life is over, the message is removed undelivered, and nobody is
told: Postfix 3.7.11 does so with ``postsuper -h`` and ``-H`` alone. Under a new name it is safe, so whatever
takes a message out of a delivery gives it one.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable

import pytest

from mtatui.backends.host_local import LocalHost
from mtatui.queue.message import Message
from mtatui.queue.selection import Outcome, Selection, Target
from mtatui.server import Server
from mtatui.verbs import BOUNCE, DELETE, HOLD, RELEASE, REQUEUE, RESTORE, Verb
from tests.stack.picture import Picture
from tests.stack.postfix import PostfixInstance

pytestmark = pytest.mark.stack

WAITING = ("slow-1@ok.test", "slow-2@ok.test", "slow-3@ok.test")


class Desk:
    """An instance whose one delivery at a time stands still, and the verbs on it."""

    def __init__(self, instance: PostfixInstance) -> None:
        self.instance = instance
        self.server = Server(LocalHost(), str(instance.config))

    async def act(self, verb: Verb, id: str) -> Outcome:
        """Do a verb to one message, as it lies there now."""
        picture = Picture(self.server.feed())
        picture.scan()
        message = Message.from_row(picture.row(id))
        return await self.server.act(
            verb, Selection((Target(message.identity, message.state),), "test", time.time())
        )

    def waiting(self, *recipients: str) -> str:
        """A message that is active and waits for its turn: another one has the only connection."""
        self.instance.send("me@sender.test", "first@slow.test")
        id = self.instance.send("me@sender.test", *recipients)
        self.instance.wait_until(lambda: len(self.instance.queue_ids("active")) == 2, "two active messages")
        return id

    def delivered(self) -> list[str]:
        """Let all deliveries go on, and give the recipients that were served in the end."""
        self.instance.wait_until(
            lambda: len(self.instance.queue_ids("active")) == 2,
            "its second life",
        )
        self.instance.remote.open_gate()
        self.instance.wait_until(lambda: not self.instance.queue_ids("active", "deferred"), "an empty queue")
        return [r for d in self.instance.remote.deliveries() if d.sender for r in d.recipients]


def became(outcome: Outcome) -> str:
    """The queue ID that a message has now."""
    [receipt] = outcome.receipts
    assert receipt.became
    return receipt.became


@pytest.fixture
async def desk(make_postfix: Callable[..., PostfixInstance]) -> AsyncIterator[Desk]:
    desk = Desk(
        make_postfix(
            queue_run_delay="1", initial_destination_concurrency="1", smtp_destination_concurrency_limit="1"
        )
    )
    yield desk
    desk.server.close()


async def test_hold_and_release(desk: Desk) -> None:
    id = became(await desk.act(HOLD, desk.waiting(*WAITING)))
    assert (await desk.act(RELEASE, id)).ok
    assert sorted(desk.delivered()) == ["first@slow.test", *WAITING]


async def test_delete_restore_and_release(desk: Desk) -> None:
    id = became(await desk.act(DELETE, desk.waiting(*WAITING)))
    await desk.act(RESTORE, id)
    assert (await desk.act(RELEASE, id)).ok
    assert sorted(desk.delivered()) == ["first@slow.test", *WAITING]


async def test_hold_and_requeue(desk: Desk) -> None:
    id = became(await desk.act(HOLD, desk.waiting(*WAITING)))
    assert (await desk.act(REQUEUE, id)).ok
    desk.instance.wake("pickup")
    assert sorted(desk.delivered()) == ["first@slow.test", *WAITING]


async def test_a_bounce_names_every_recipient(desk: Desk) -> None:
    instance = desk.instance
    id = desk.waiting("tried@dead.test", "untried@ok.test")
    instance.wait_until(lambda: list((instance.queue / "defer").rglob(id)), "the first half of a defer log")
    held = became(await desk.act(HOLD, id))
    instance.remote.open_gate()
    instance.wait_until(lambda: f"open active {id}" in instance.log.read_text(), "the end of its first life")
    await desk.act(BOUNCE, held)
    instance.wait_until(lambda: not instance.queue_ids("active", "deferred"), "the bounce")
    [bounce] = [delivery for delivery in instance.remote.deliveries() if not delivery.sender]
    reported = re.findall(rb"Final-Recipient: rfc822; (\S+)", bounce.data)
    assert sorted(reported) == [b"tried@dead.test", b"untried@ok.test"]
