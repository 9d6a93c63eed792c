"""Delivering now: every message by itself, with ``postqueue -i``, which changes nothing but the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtatui.backends.child import Hands, to_its_end
from mtatui.backends.host import Host
from mtatui.backends.postfix.run import IN_MAILDROP, UNREADABLE, Run
from mtatui.backends.postfix.tools import Tools
from mtatui.queue.message import State

_NOT_DELIVERED_NOW = {
    State.HOLD: "on hold: release it first",
    State.MAILDROP: IN_MAILDROP,
    State.CORRUPT: UNREADABLE,
}


async def deliver(run: Run, host: Host, hands: Hands, tools: Tools) -> None:
    """Have Postfix try messages now; a receipt for each."""
    waiting: list[str] = []
    for batch in run.batches():
        if not host.superuser:  # nobody else can look; Postfix does not mind what is not there
            waiting += [id for id, _ in batch]
            continue
        for (id, _), answer in zip(batch, await to_its_end(hands.identify, batch), strict=True):
            found = run.same(id, answer)
            if found is None:
                continue
            if found.state in _NOT_DELIVERED_NOW:
                run.failed(id, _NOT_DELIVERED_NOW[found.state])
            elif found.state is State.DEFERRED:
                waiting.append(id)
            else:
                run.already(id, "is being delivered already")

    def until_cancelled(ids: Iterable[str]) -> Iterator[str]:
        for id in ids:
            if run.cancel.is_set():
                run.outcome.cancelled = True
                return
            yield id

    def tell(id: str, error: str) -> None:
        if error:
            run.failed(id, error)
        else:
            run.done(id)

    command = " ".join(tools.argv("postqueue", "-i", "ID"))
    run.outcome.commands.append(f"{command}   (for each of {len(waiting):,} messages)")
    await tools.deliver_now(until_cancelled(waiting), tell)
