"""Delivering now: every message by itself, with ``postqueue -i``, which changes nothing but the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtatui.backends.child import Hands, to_its_end
from mtatui.backends.host import Host, HostError
from mtatui.backends.postfix.run import IN_MAILDROP, UNREADABLE, Run, in_batches
from mtatui.backends.postfix.tools import Tools
from mtatui.queue.message import State

_NOT_DELIVERED_NOW = {
    State.HOLD: "on hold: release it first",
    State.MAILDROP: IN_MAILDROP,
    State.CORRUPT: UNREADABLE,
}


#: Messages that are looked at in one go. There is nothing in between that would have to be told.
_LOOK = 10_000


async def deliver(run: Run, host: Host, hands: Hands, tools: Tools) -> None:
    """Have Postfix try messages now; a receipt for each.

    Raises:
        HostError: nothing was done, and why.
    """
    waiting: list[str] = []
    for batch in in_batches([(id, target.state) for id, target in run.targets.items()], _LOOK):
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
            run.fed[id] = id
            yield id

    def tell(id: str, error: str) -> None:
        if error:
            run.failed(id, error)
        else:
            run.done(id)

    if not waiting:
        return
    command = " ".join(tools.argv("postqueue", "-i", "ID"))
    run.outcome.commands.append(f"{command}   (for each of {len(waiting):,} messages)")
    try:
        await tools.deliver_now(until_cancelled(waiting), tell)
    except HostError as error:
        if not run.did:
            raise
        run.outcome.notes.append(str(error))
        run.not_known(str(error))
