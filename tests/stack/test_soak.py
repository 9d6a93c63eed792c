"""A soak: random verbs against a Postfix that lives and delivers; nothing may be lost, nothing doubled.

``MTATUI_SOAK_SECONDS`` makes it longer, ``MTATUI_SOAK_SEED`` repeats the choices of an earlier run.
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
from mtatui.backends.journal import UNDO
from mtatui.queue.message import Message, State
from mtatui.queue.selection import Outcome, Result, Selection, Target
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
#: What may be said of a target that was not reached, on a healthy server: it came too late, or was spared.
SPARED = ("maildrop", "still being received", "has not been told yet of a refusal")
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
    (BOUNCE, MOVING),
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

    def choose(self, verb: Verb, states: set[State]) -> Selection:
        """Some messages in these states, as they were when the queue was last looked at."""
        # Bounces are how a recipient is accounted for, and go their way.
        messages = [m for m in map(Message.from_row, self.picture.rows) if m.state in states and m.sender]
        if verb is REQUEUE:
            # If qmgr is started anew before a delivery has ended, Postfix forgets the refusals of a message
            # that was requeued meanwhile. What is due is as good as moving.
            messages = [m for m in messages if m.state is State.HOLD or m.retry > time.time() + 60]
        count = min(len(messages), self.random.choice((1, 3, 10, 50, 400)))
        chosen = self.random.sample(messages, count)
        return Selection(tuple(Target(m.identity, m.state) for m in chosen), "soak", time.time())

    async def act(self) -> None:
        """Do one thing to the queue, and perhaps think better of it."""
        verb, states = self.random.choice(AIMS)
        cancel = asyncio.Event()
        if self.random.random() < 0.1:
            asyncio.get_running_loop().call_later(self.random.uniform(0.1, 0.3), cancel.set)
        outcome = await self.do(verb, states, cancel)
        if verb.id in UNDO and self.random.random() < 0.3:
            [entry] = [entry for entry in self.server.journal.entries() if entry.id == outcome.entry]
            if entry.did:
                self.judge(await self.server.actor.undo(entry))

    async def do(self, verb: Verb, states: set[State], cancel: asyncio.Event | None = None) -> Outcome:
        """Do a verb to some messages. Each target gets its one receipt."""
        await asyncio.to_thread(self.picture.scan)
        selection = self.choose(verb, states)
        await asyncio.sleep(self.random.uniform(0, 0.2))
        outcome = await self.server.act(verb, selection, cancel=cancel)
        assert sorted(r.id for r in outcome.receipts) == sorted(t.identity.id for t in selection.targets)
        self.judge(outcome)
        return outcome

    def judge(self, outcome: Outcome) -> None:
        """Unless it was called off, a healthy server fails at nothing that is not spared."""
        for receipt in outcome.receipts:
            self.results[outcome.verb, receipt.result] += 1
            failed = receipt.result is Result.FAILED and not outcome.cancelled
            assert not failed or any(words in receipt.text for words in SPARED), receipt

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
        for verb in (DELETE, HOLD):
            await soak.do(verb, {State.DEFERRED})
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
