"""The link to a server is cut in the middle: of each verb, of each apply. Nothing is lost, nothing is half
done that is not told, and who comes next finds it in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtatui.backends.applying import Ending, Step
from mtatui.backends.host import HostError, Unreachable
from mtatui.backends.host_ssh import SshHost
from mtatui.backends.postfix.act import Actor
from mtatui.backends.postfix.tools import Tools
from mtatui.queue.selection import Result
from mtatui.verbs import DELETE, HOLD, RELEASE, REQUEUE, Verb
from tests.stack.acting import frozen
from tests.stack.changes import Desk, edit, same
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack


@dataclass
class Far:
    """A Postfix on the other end of a wire that can be cut."""

    instance: PostfixInstance
    sshd: Sshd
    proxy: Proxy

    def host(self) -> SshHost:
        """A way to it."""
        return self.sshd.host(Port=self.proxy.port)

    def cut(self, how: str) -> None:
        """Cut it: the wire, or by the end of a process on the way."""
        if how == "the wire":
            self.proxy.cut()
            return
        here = [int(path.name) for path in Path("/proc").glob("[0-9]*") if path.is_dir()]
        pids = {
            "ssh": [pid for pid in here if _is(pid, b"ssh\0") and _parent(pid) == os.getpid()],
            "sshd's child": [pid for pid in self.sshd.sessions() if _is(pid, b"sshd: ")],
            "the envoy": [
                pid
                for pid in self.sshd.sessions()
                if _is(pid, b"python3\0-I\0-S\0-c", b"") and _is(_parent(pid), b"sshd: ")
            ],
        }[how]
        assert pids, f"there is no {how}"
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _is(pid: int, *beginnings: bytes) -> bool:
    with suppress(OSError):
        said = Path(f"/proc/{pid}/cmdline").read_bytes()
        return said.startswith(beginnings[0]) and all(word in said for word in beginnings)
    return False


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    """One for all of them."""
    with PostfixInstance(service_throttle_time="1s") as instance, Sshd() as sshd, Proxy(sshd.port) as proxy:
        yield Far(instance, sshd, proxy)


# --- verbs --------------------------------------------------------------------------------------------------


def states(instance: PostfixInstance) -> dict[str, str]:
    """Where postqueue says each message is."""
    return {entry["queue_id"]: entry["queue_name"] for entry in instance.postqueue_json()}


@pytest.fixture
def make_actor(far: Far) -> Iterator[Callable[[], Actor]]:
    """What runs verbs there, each over a connection of its own."""
    actors: list[tuple[Actor, SshHost]] = []
    names, depth = far.instance.postconf("hash_queue_names"), int(far.instance.postconf("hash_queue_depth"))

    def make() -> Actor:
        host = far.host()
        tools = Tools(host, str(far.instance.config))
        actors.append((Actor(host, tools, str(far.instance.queue), names, depth), host))
        return actors[-1][0]

    yield make
    for actor, host in actors:
        actor.close()
        host.close()


@pytest.mark.parametrize("verb", [HOLD, RELEASE, REQUEUE, DELETE], ids=lambda verb: verb.id)
async def test_a_verb_is_cut(far: Far, make_actor: Callable[[], Actor], verb: Verb) -> None:
    """After so many bytes of what it costs, from the first to the last: no message is lost or in two places,
    and what is called done is done."""
    instance = far.instance
    was, becomes = {"release": ("hold", "deferred")}.get(verb.id, ("deferred", "hold"))
    step: int | None = None
    for eighths in [None, *range(9)]:
        for id in states(instance):
            instance.run("postsuper", "-d", id)
        ids = [instance.send("me@sender.test", f"full-{n}@ok.test") for n in range(12)]
        instance.settle()
        if was == "hold":
            for id in ids:
                instance.run("postsuper", "-h", id)
        actor = make_actor()
        selection = frozen(actor, ids)
        before = far.proxy.sent + far.proxy.received
        if eighths is not None:
            assert step
            far.proxy.cut_after(1 + step * eighths // 8)
        receipts = []
        with suppress(HostError):
            receipts = list((await actor.act(verb, selection)).receipts)
        if eighths is None:
            step = far.proxy.sent + far.proxy.received - before
            assert {receipt.result for receipt in receipts} == {Result.DONE}
        far.proxy.cut()
        next_one = make_actor()
        await next_one.settle()
        trash = {message.id for message in (await next_one.trash.contents()).messages} & set(ids)
        now = states(instance)
        done = {r.id: r for r in receipts if r.result is Result.DONE}
        for id in ids:
            became = done[id].became or id if id in done else id
            if verb is DELETE:
                assert (id in trash) != (id in now), f"{id} is lost, or there twice"
                assert id not in done or id in trash
            elif verb is REQUEUE:
                assert len(now) == len(ids)
            else:
                assert now[id] in (was, becomes)
                assert id not in done or now[became] == becomes


# --- applies ------------------------------------------------------------------------------------------------

CUTS = (
    "record begins", "guard begins", "stage begins", "check begins", "replace begins", "reload begins",
    "probe begins", "finish begins", "finish done",
)  # fmt: skip


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        *((how, moment) for how in ("the wire", "the envoy") for moment in CUTS),
        # For the server these are the wire's end: some moments will do.
        *((how, moment) for how in ("ssh", "sshd's child") for moment in ("guard begins", "probe begins")),
    ],
)
def test_an_apply_is_cut(far: Far, moment: str, how: str) -> None:
    """The configuration is the old or the new one as a whole, and Postfix works with it; what was told is so,
    and where it could not be told any more the history tells it."""
    host, heard = far.host(), []

    def told(step: Step) -> None:
        heard.append(f"{step.name} {step.state}")
        if heard[-1] == moment:
            far.cut(how)

    with Desk(far.instance) as desk:
        new = far.instance.config / "mtatui" / "table"
        change = desk.plan(edit(new, b"new\n", 0o600), *desk.edits(smtpd_banner="new"))
        outcome = None
        try:
            outcome = desk.apply(change, host=host, progress=told).outcome
        except Unreachable:
            assert desk.entries() == [] or moment in heard
        assert moment in heard
        entries = desk.entries()
        ended = desk.ended(entries[0].id).outcome if entries else None
        assert outcome in (None, ended)
        assert ended in (None, Ending.APPLIED, Ending.ROLLED_BACK, Ending.REFUSED)
        assert same(change.edits, after=ended is Ending.APPLIED), f"{ended}: neither old nor new"
        desk.settle()
        assert desk.litter() == []
        assert desk.greets()
        assert desk.works()
        again = desk.apply(desk.plan(*desk.edits(smtpd_banner="again"), checks=False), host=host)
        assert again.outcome is Ending.APPLIED, again.text
    host.close()
