"""A soak: random verbs against a Postfix that lives and delivers; nothing may be lost, nothing doubled.

``MTATUI_SOAK_SECONDS`` makes it longer, ``MTATUI_SOAK_SEED`` repeats the choices of an earlier run.

One thing it does not do: bring back, under its old queue ID, what was held or deleted in the middle of a
delivery. That loses mail, see `tests.stack.test_interrupted`.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from mtatui.backends.host_local import LocalHost
from mtatui.queue.message import Message, State
from mtatui.queue.selection import Result, Selection, Target
from mtatui.server import Server
from mtatui.verbs import BOUNCE, DELETE, DELIVER, HOLD, RELEASE, REQUEUE, RESTORE, Verb
from tests.stack.accounting import Item, history, mistakes, places
from tests.stack.picture import Picture
from tests.stack.postfix import PostfixInstance
from tests.stack.remote import HOSTS

pytestmark = pytest.mark.stack

SECONDS = float(os.environ.get("MTATUI_SOAK_SECONDS", "20"))
SEED = int(os.environ.get("MTATUI_SOAK_SEED", str(time.time_ns() % 1_000_000)))

RESTING = {State.DEFERRED, State.HOLD}
MOVING = {State.ACTIVE, State.INCOMING}
#: The verbs with the states they are aimed at. A message may have moved on.
AIMS = (
    (HOLD, {State.DEFERRED}),
    (RELEASE, {State.HOLD}),
    (DELETE, RESTING),
    (RESTORE, {State.TRASH}),
    (DELIVER, {State.DEFERRED}),
    (REQUEUE, RESTING),
    (BOUNCE, RESTING),
    (HOLD, MOVING),
    (DELETE, MOVING),
)
WORDS = ("ok", "ok", "slow", "grey", "full", "later", "no", "spam", *HOSTS)


class Soak:
    """One run: what was injected, what was done, and what the receipts said of it."""

    def __init__(self, instance: PostfixInstance, server: Server) -> None:
        self.instance = instance
        self.server = server
        self.random = random.Random(SEED)
        self.picture = Picture(server.feed())
        self.injected: set[Item] = set()
        self.left_alone: set[str] = set()
        self.results: Counter[tuple[str, Result]] = Counter()
        self.ending = False

    def inject(self) -> None:
        """Send messages until the end comes; each has a sender of its own. Runs in a thread."""
        choices = random.Random(SEED + 1)
        number = 0
        while not self.ending:
            number += 1
            sender = f"t{number:06}@ok.test"
            recipients = [
                f"x-{number}-{n}@{word}.test" if word in HOSTS else f"{word}-{number}-{n}@ok.test"
                for n, word in enumerate(choices.choices(WORDS, k=choices.choice((1, 1, 2, 5))))
            ]
            self.instance.send(sender, *recipients)
            self.injected.update((sender, recipient) for recipient in recipients)
            time.sleep(choices.uniform(0, 0.04))

    def choose(self) -> tuple[Verb, Selection]:
        """A verb, and some messages as they were when the queue was last looked at."""
        verb, states = self.random.choice(AIMS)
        # Bounces are how a recipient is accounted for, and go their way. What is due is as good as moving.
        messages = [
            message
            for message in map(Message.from_row, self.picture.rows)
            if message.state in states and message.sender and message.id not in self.left_alone
            if message.state is not State.DEFERRED or message.retry > time.time() + 60
        ]
        count = min(len(messages), self.random.choice((1, 3, 10, 50, 400)))
        chosen = self.random.sample(messages, count)
        if states is MOVING:
            self.left_alone.update(message.id for message in chosen)
        return verb, Selection(tuple(Target(m.identity, m.state) for m in chosen), "soak", time.time())

    async def act(self) -> None:
        """Do one thing to the queue. Each target gets its one receipt."""
        await asyncio.to_thread(self.picture.scan)
        verb, selection = self.choose()
        await asyncio.sleep(self.random.uniform(0, 0.2))
        cancel = asyncio.Event()
        if self.random.random() < 0.1:
            asyncio.get_running_loop().call_later(self.random.uniform(0, 0.1), cancel.set)
        outcome = await self.server.act(verb, selection, cancel=cancel)
        assert sorted(r.id for r in outcome.receipts) == sorted(t.identity.id for t in selection.targets)
        for receipt in outcome.receipts:
            self.results[verb.id, receipt.result] += 1
            # Unless it was called off, a healthy server fails at nothing else than what came too late.
            failed = receipt.result is Result.FAILED
            assert not failed or outcome.cancelled or "maildrop" in receipt.text, receipt

    def stand_still(self) -> None:
        """Let what is on its way arrive, and start nothing new."""
        self.instance.remote.open_gate()
        self.instance.reload(defer_transports="smtp")
        self.instance.wait_until(self._nothing_is_due, "the end of all deliveries", 60)

    def _nothing_is_due(self) -> bool:
        """Nothing is under way, and the next retry is far off."""
        if self.instance.queue_ids("maildrop", "incoming", "active"):
            # Requeued mail waits in maildrop for a minute. And qmgr skips what a delivery agent of its
            # predecessor still has, to look again much later.
            self.instance.wake("pickup")
            self.instance.wake("qmgr")
            return False
        files = [path for path in (self.instance.queue / "deferred").rglob("*") if path.is_file()]
        return all(path.stat().st_mtime > time.time() + 60 for path in files)


async def test_nothing_is_lost_and_nothing_doubled(make_postfix: Callable[..., PostfixInstance]) -> None:
    instance = make_postfix(queue_run_delay="1", default_process_limit="20")
    server = Server(LocalHost(), str(instance.config))
    soak = Soak(instance, server)
    injecting = asyncio.create_task(asyncio.to_thread(soak.inject))
    started = time.monotonic()
    try:
        while (passed := time.monotonic() - started) < SECONDS:
            await soak.act()
            (instance.remote.open_gate if soak.random.random() < 0.5 else instance.remote.close_gate)()
            if passed > SECONDS / 2:
                instance.remote.heal("full", "later")
    finally:
        soak.ending = True
        await injecting
        server.close()
    soak.stand_still()
    wrong = mistakes(instance, soak.injected)
    assert not wrong, "\n".join(
        [
            f"seed {SEED}: {len(wrong)} of {len(soak.injected)} recipients are not where they should be:",
            *(f"{item}: {where}\n{history(instance, item[0])}" for item, where in wrong[:5]),
        ]
    )

    # It was a soak: everything came about that can come about.
    ends = Counter(place for counter in places(instance).values() for place in counter)
    assert {"delivered", "reported", "deferred", "hold", "trash"} <= set(ends), ends
    done = {verb for (verb, result), count in soak.results.items() if result is Result.DONE and count}
    assert done == {verb.id for verb, _ in AIMS}, soak.results
