"""A fleet under way: mail comes and goes on three real Postfixes behind ssh, verbs are done to all of them,
and their links are cut again and again. In the end every message that was sent is accounted for, once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from mtatui.backends.host import HostError
from mtatui.fleet import Fleet
from mtatui.queue.query import parse
from mtatui.queue.selection import Selection
from mtatui.server import Server
from mtatui.verbs import DELETE, HOLD, RELEASE, REQUEUE, RESTORE, Verb
from tests.stack.fleet import wait_until
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack

ROUNDS = 20
#: What each verb is done to.
AIMS = (
    (HOLD, "state:deferred"),
    (RELEASE, "state:hold"),
    (DELETE, "state:deferred OR state:hold"),
    (RESTORE, "state:trash"),
    (REQUEUE, "state:hold"),
)


def choose(fleet: Fleet, dice: random.Random) -> tuple[Verb, Selection] | None:
    """A verb, and a few of the messages that it can be done to; None where there are none for any."""
    for verb, aim in dice.sample(AIMS, len(AIMS)):
        meant = fleet.index.select(parse(aim), int(time.time())).targets
        if meant:
            return verb, Selection(tuple(dice.sample(meant, min(12, len(meant)))), aim, time.time())
    return None


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_message_is_accounted_for(
    make_postfix: Callable[..., PostfixInstance], seed: int
) -> None:
    dice = random.Random(seed)
    instances = {name: make_postfix() for name in ("mx1", "mx2", "mx3")}
    sent: list[str] = []
    with ExitStack() as stack:
        sshd = stack.enter_context(Sshd())
        wires = {name: stack.enter_context(Proxy(sshd.port)) for name in instances}
        fleet = Fleet(
            Server(sshd.host(name, Port=wires[name].port), str(instance.config), name, far=True)
            for name, instance in instances.items()
        )
        stack.callback(fleet.close)
        fleet.patience = 5.0
        fleet.listen(lambda: None)
        done = 0
        for number in range(ROUNDS):
            for name, instance in instances.items():
                for domain in ("ok.test", "full.test"):
                    sent.append(f"m{len(sent)}@{name}.test")
                    instance.send(sent[-1], f"someone@{domain}")
            fleet.rescan()
            await asyncio.sleep(0.5)  # so much of it as is seen by now
            if number % 2:
                wires[dice.choice(list(wires))].cut_after(dice.randrange(1, 8000))
            chosen = choose(fleet, dice)
            if chosen is None:
                continue
            verb, selection = chosen
            try:
                outcome = await fleet.act(verb, selection)
            except HostError:
                continue
            done += 1
            assert [r.id for r in outcome.receipts] == [t.identity.id for t in selection.targets], (
                "one receipt each"
            )
        assert done
        for wire in wires.values():
            wire.cut_after(1 << 40)
        for name in instances:
            fleet.open_again(name)
        await wait_until(
            lambda: all(fleet.condition(name).answers for name in instances), "all servers to answer", 60
        )
        await fleet.settle()
        for instance in instances.values():
            instance.wake("pickup")  # what was requeued waits a minute else
            instance.settle()
        trash = await fleet.trash(1000)
        found: Counter[str] = Counter()
        for name, instance in instances.items():
            found.update(delivery.sender for delivery in instance.remote.deliveries() if delivery.sender)
            found.update(entry["sender"] for entry in instance.postqueue_json())
            contents = trash[name]
            assert not isinstance(contents, HostError), contents
            found.update(message.sender for message in contents.messages)
        assert found == Counter(sent), "delivered, in the queue or in the trash: each exactly once"
