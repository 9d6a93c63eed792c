"""The link to a server is cut at every step of an apply: nothing is half done that is not told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mtatui.backends.applying import STEPS, Ending, Step
from mtatui.backends.host import HostError
from mtatui.backends.host_ssh import SshHost
from mtatui.backends.transaction.room import Room
from tests.stack.changes import Desk, edit, same
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack


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
        again = desk.apply(desk.plan(*desk.edits(smtpd_banner="again"), checks=False))
        assert again.outcome is Ending.APPLIED, again.text


def at_it(desk: Desk) -> bool:
    """Whether an entry of the history has not come to its end."""
    return any(not entry.ended for entry in Room(desk.queue).entries())
