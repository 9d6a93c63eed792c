"""What runs the verbs on an instance, and selections of its messages as they are now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mtatui.backends.postfix.act import Actor
from mtatui.backends.postfix.tools import Tools
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Selection, Target
from mtatui.text import clean
from tests.stack import ways
from tests.stack.postfix import PostfixInstance


@contextmanager
def acting(instance: PostfixInstance) -> Iterator[Actor]:
    """An actor for an instance, with a host and a helper of its own, at the end of the way (`ways`)."""
    host = ways.host()
    names, depth = instance.postconf("hash_queue_names"), int(instance.postconf("hash_queue_depth"))
    actor = Actor(host, Tools(host, str(instance.config)), str(instance.queue), names, depth)
    try:
        yield actor
    finally:
        actor.close()


def frozen(actor: Actor, ids: Sequence[str], state: State = State.DEFERRED) -> Selection:
    """These messages as they are now; ``state`` is where to look first (for the trash: at all)."""
    targets = []
    for found in actor.hands.identify([(id, state) for id in ids]):
        assert found is not None
        assert not isinstance(found, str)
        who = found.identity
        targets.append(Target(Identity(who.id, who.arrival, who.size, clean(who.sender)), found.state))
    return Selection(tuple(targets), "by hand", time.time())
