"""A server without Python over a real ssh, where commands end in ways that ssh does not tell apart."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from mtatui.backends.host import HostError, Unreachable
from mtatui.backends.postfix.feed import PostqueueFeed
from mtatui.fleet.checking import Level, check
from mtatui.server import Server
from tests.stack.far import MakeSshd, commands, master, number, ours, until
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack


@pytest.fixture
def make_sshd() -> Iterator[MakeSshd]:
    """Make private sshds whose logins see no Python; they are stopped after the test."""
    before = ours()
    with ExitStack() as running:
        yield lambda **options: running.enter_context(Sshd(python=False, **options))
    assert ours() - before == set()


async def test_a_command_that_says_more_than_is_wanted_has_not_failed(
    make_sshd: MakeSshd, busy_instance: PostfixInstance
) -> None:
    """ssh ends with 255 when we stop it, as it does where it cannot reach anybody."""
    server = Server(make_sshd().host(), str(busy_instance.config), "mx1", far=True)
    listing = await server.host.run(["postqueue", "-c", str(busy_instance.config), "-j"], limit=100)
    assert listing.cut
    assert len(listing.stdout) == 100
    found = {finding.check: finding for finding in await check(server)}
    assert found["running"].level is Level.OK
    assert found["rights"].ok
    assert found["queue"].found.startswith(f"{len(_queued(busy_instance))} messages in ")
    server.close()


async def test_a_command_that_is_killed_over_there_is_no_broken_connection(make_sshd: MakeSshd) -> None:
    host = make_sshd(login='case "$SSH_ORIGINAL_COMMAND" in *doomed*) kill -9 $$;; esac; ').host()
    await number(host)
    with pytest.raises(HostError, match="echo was killed on mx1") as told:
        await host.run(["echo", "doomed"])
    assert not isinstance(told.value, Unreachable)
    assert host.connected
    with pytest.raises(Unreachable, match="The connection to mx1 was cut, or postqueue was killed there"):
        list(PostqueueFeed(host, "/doomed").scan())
    host.close()


@pytest.mark.parametrize("how", ["the link", "its master"])
async def test_a_connection_that_breaks_is_said_and_opened_again(make_sshd: MakeSshd, how: str) -> None:
    sshd = make_sshd()
    with Proxy(sshd.port) as proxy:
        host = sshd.host(Port=proxy.port)
        await number(host)
        running = asyncio.create_task(host.run(["cat"], input=_endless()))
        await until(lambda: _running(sshd, "cat"))
        if how == "the link":
            proxy.cut()
        else:
            [pid] = master(host)
            os.kill(pid, signal.SIGKILL)  # its socket stays
        with pytest.raises(Unreachable, match="The connection to mx1 was cut while cat ran there"):
            await running
        assert not host.connected
        assert (await number(host)).stdout == b"0\n"
        assert host.connected
        host.close()
        await until(lambda: not master(host))


async def _endless() -> AsyncIterator[bytes]:
    """Input that does not end."""
    yield b"x"
    await asyncio.Event().wait()


def _queued(instance: PostfixInstance) -> list[bytes]:
    return instance.run("postqueue", "-j").stdout.splitlines()


def _running(sshd: Sshd, command: str) -> list[int]:
    return [pid for pid, words in commands(sshd).items() if words.split()[:1] == [command]]
