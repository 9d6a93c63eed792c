"""The link to a server is cut at every step of an apply, and within a verb: nothing is half done untold."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import pytest

from mtatui.backends.applying import STEPS, Ending, Step
from mtatui.backends.demo.writer import Draft, To, postfix_owner, write
from mtatui.backends.host import HostError
from mtatui.backends.host_local import LocalHost
from mtatui.backends.host_ssh import SshHost
from mtatui.queue.message import State
from mtatui.queue.query import parse
from mtatui.queue.selection import Outcome, Result, Selection
from mtatui.server import Server
from mtatui.verbs import DELETE, HOLD, REQUEUE, Verb
from tests.stack.changes import Desk, edit, same
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack

#: Messages that a verb is done to: several batches of them.
MANY = 700
#: Bytes from there after which the link is cut in the middle of a verb. Its whole talk is some tens of kB.
AFTER = (1, 400, 3_000, 9_000, 16_000)


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as sshd:
        yield sshd


@pytest.fixture(scope="module")
def proxy(sshd: Sshd) -> Iterator[Proxy]:
    with Proxy(sshd.port) as proxy:
        sshd.alias("far", Port=proxy.port, HostKeyAlias=f"[127.0.0.1]:{sshd.port}")
        yield proxy


@pytest.fixture
def host(sshd: Sshd, proxy: Proxy) -> Iterator[SshHost]:
    host = SshHost("far", "far", ssh_config=str(sshd.config))
    yield host
    host.close()


# --- an apply ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def instance() -> Iterator[PostfixInstance]:
    with PostfixInstance(service_throttle_time="1s") as instance:
        yield instance


@pytest.mark.parametrize("moment", [f"{step} {state}" for step in STEPS for state in ("begins", "done")])
def test_an_apply_whose_link_is_cut_is_whole_and_told(
    instance: PostfixInstance, host: SshHost, proxy: Proxy, moment: str
) -> None:
    cut: list[str] = []
    with Desk(instance) as desk:
        [main] = desk.edits(smtpd_banner="new")
        change = desk.plan(main, edit(instance.config / "mtatui" / "table", b"new\n", 0o600))

        def told(step: Step) -> None:
            if f"{step.name} {step.state}" == moment:
                cut.append(moment)
                proxy.cut()

        try:
            applied = asyncio.run(desk.applying(change, progress=told, host=host))
        except HostError:
            pass  # nobody could say; the history does
        else:
            assert applied.outcome in (Ending.APPLIED, Ending.ROLLED_BACK, Ending.REFUSED), applied
        desk.instance.wait_until(lambda: not at_it(desk), "nobody is at it any more", timeout=60)
        entries = desk.entries()
        outcome = desk.ended(entries[0].id).outcome if entries else None
        assert cut, "the step was told, and the link cut"
        assert same(change.edits, after=outcome is Ending.APPLIED), f"{outcome}: neither old nor new"
        assert desk.greets()
        desk.settle()
        assert desk.litter() == []
        again = desk.apply(desk.plan(*desk.edits(smtpd_banner="again")))
        assert again.outcome is Ending.APPLIED, again.text


def at_it(desk: Desk) -> bool:
    """Whether an entry of the history has not come to its end."""
    return any(not entry.finished for entry in desk.entries())


# --- a verb ------------------------------------------------------------------------------------------------


@pytest.fixture
def queue() -> Iterator[PostfixInstance]:
    """A queue of many messages on which nobody else works."""
    with PostfixInstance() as instance:
        instance.halt()
        now, owner = time.time(), postfix_owner()
        for n in range(MANY):
            draft = Draft([To("r@full.test")], sender="s@x.test", arrival=now - n, retry=now + 9999)
            write(instance.queue, draft, owner=owner)
        yield instance


def frozen(server: Server) -> Selection:
    """Everything that is deferred there now."""
    server.scan()
    return server.index.select(parse("state:deferred"), int(time.time()))


@pytest.mark.parametrize("verb", [HOLD, DELETE, REQUEUE], ids=lambda verb: verb.id)
@pytest.mark.parametrize("after", AFTER)
async def test_a_verb_whose_link_is_cut_loses_nothing_and_is_told(
    queue: PostfixInstance, host: SshHost, proxy: Proxy, verb: Verb, after: int
) -> None:
    far = Server(host, str(queue.config), "far")
    selection = await asyncio.to_thread(frozen, far)
    assert len(selection) == MANY
    before = everything(queue)
    proxy.cut_after(after)
    told: Outcome | None = None
    with contextlib.suppress(HostError):  # where nobody could say the journal does
        told = await far.act(verb, selection)
    here = Server(LocalHost(), str(queue.config))
    deadline = time.monotonic() + 60
    while True:  # whoever was left alone there may still be at it
        try:
            settled = await here.settle()
            break
        except HostError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
    lies = everything(queue)
    assert len(lies) == len(before), "no message is lost, none is doubled"
    if verb is not REQUEUE:
        assert lies.keys() == before.keys()
        outcome = settled[0] if settled else told
        if outcome is not None:
            moved = {HOLD: State.HOLD, DELETE: State.TRASH}[verb]
            done = {r.id for r in outcome.receipts if r.result is Result.DONE}
            assert {id for id, state in lies.items() if state is moved} == done
        else:
            assert lies == before, "nothing was told, so nothing was done"
    here.close()
    far.close()


def everything(instance: PostfixInstance) -> dict[str, State]:
    """Where every message lies, the trash included."""
    found: dict[str, State] = {}
    for state in State:
        folder = instance.queue / ("mtatui/trash" if state is State.TRASH else state.value)
        for path in folder.rglob("*"):
            if path.is_file():
                assert path.name not in found, f"{path.name} is in two places"
                found[path.name] = state
    return found
