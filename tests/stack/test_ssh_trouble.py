"""What fails on the way to a server over a real ssh, and what breaks: said in words, and opened again."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mtatui.backends import host_ssh_way, link_line
from mtatui.backends.host import HostError, Prompt, Unreachable
from mtatui.backends.host_ssh import SshHost
from tests.stack.far import MakeSshd, Person, commands, number, ours, refusal, tries, until
from tests.stack.sshd import FLOOD, RESTRICTED, SILENT, Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack


@pytest.fixture
def make_sshd() -> Iterator[MakeSshd]:
    """Make private sshds; they are stopped after the test, and nothing of ours may run then."""
    before = ours()
    with ExitStack() as running:
        yield lambda **options: running.enter_context(Sshd(**options))
    assert ours() - before == set()


async def test_a_changed_host_key_is_refused_in_words(make_sshd: MakeSshd) -> None:
    sshd = make_sshd()
    sshd.learn(sshd.other_key())
    before = sshd.known_hosts.read_text()
    person = Person()
    host = sshd.host(on_prompt=person)
    told = await refusal(host)
    assert f"({sshd.known_hosts}:1)" in told
    assert "It shows SHA256:" in told
    assert "ssh-keygen -R" in told
    assert await refusal(host) == told
    assert tries(host) == 1  # not again by itself
    assert person.asked == []
    assert sshd.known_hosts.read_text() == before
    host.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"Port": 1}, "it refuses connections on that port"),
        ({"HostName": "nowhere.invalid"}, "no such host name"),
        ({"UserKnownHostsFile": "/dev/null"}, "its host key is not known, and was not accepted"),
        ({"IdentityFile": "/nowhere"}, "it does not let us in"),
        ({"Nonsense": "yes"}, "ssh does not take its own configuration"),
        ({"Ciphers": "aes256-cbc"}, "no way of encryption in common"),
        ({"ProxyCommand": "/nowhere"}, "the way to it, through another host or a command, does not work"),
        (
            {"ProxyJump": "127.0.0.1:1"},
            "does not work. ssh said: ssh: connect to host 127.0.0.1 port 1: Conn",
        ),
    ],
)
async def test_what_ssh_fails_at_is_said(make_sshd: MakeSshd, options: dict[str, Any], words: str) -> None:
    # What a banner says is no reason.
    host = make_sshd(banner="Connection refused\nPermission denied (really).\n").host(**options)
    told = await refusal(host)
    assert told.startswith("mx1 cannot be reached: ")
    assert words in told
    host.close()


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (RESTRICTED, "does not run commands (a restricted shell?). It said: This account is only for sftp"),
        (FLOOD, "did something else than what was asked (it printed more than any greeting)"),
        (SILENT, "nothing was heard of it in time"),
        ("while :; do echo x; sleep 0.2; done; ", "nothing was heard of it in time"),
        ("exit 3; ", "its login ended without a word (exit status 3)"),
        ("kill -9 $PPID; ", "ssh failed: "),
    ],
)
async def test_what_a_login_does_instead_is_said(
    make_sshd: MakeSshd, monkeypatch: pytest.MonkeyPatch, login: str, words: str
) -> None:
    monkeypatch.setattr(host_ssh_way, "PATIENCE", 4.0)
    host = make_sshd(login=login).host()
    assert words in await refusal(host)
    host.close()


async def test_a_config_that_starts_something_else_does_not_mislead_us(make_sshd: MakeSshd) -> None:
    host = make_sshd().host(RemoteCommand="ls", RequestTTY="force", LogLevel="QUIET")
    assert (await number(host)).stdout == b"0\n"
    host.close()


@pytest.mark.parametrize(
    "name", ["-oProxyCommand=id", "a b", "a;id", "$(id)", "`id`", "a\nb", "", "x" * 300, "a'"]
)
def test_no_destination_is_taken_that_a_shell_could_misread(name: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        SshHost("mx1", name)


async def test_a_connection_that_was_cut_is_said_and_opened_again(make_sshd: MakeSshd) -> None:
    sshd = make_sshd()
    with Proxy(sshd.port) as proxy:
        host = sshd.host(Port=proxy.port)
        child = host.child(["sleep", "600"])
        running = asyncio.create_task(host.run(["sleep", "600"], timeout=60))
        await until(lambda: "sleep" in repr(host.log.entries) and len(sshd.sessions()) > 3)
        proxy.cut()
        with pytest.raises(Unreachable, match="The connection to mx1 was cut while sleep ran there"):
            await running
        out, err = child.communicate(timeout=20)
        assert (out, child.returncode) == (b"", 255)
        assert b"cut" in err
        assert not host.connected
        assert (await number(host)).stdout == b"0\n"
        assert tries(host) == 2
        await until(
            lambda: not any("sleep" in word for word in commands(sshd).values())
        )  # what only looked is ended
        host.close()


@pytest.mark.parametrize("whose", ["ssh -F", "sshd: root", "python3 -I -S -c import os,zlib"])
async def test_whoever_dies_on_the_way_the_cut_is_said_and_it_is_opened_again(
    make_sshd: MakeSshd, whose: str
) -> None:
    sshd = make_sshd()
    host, before = sshd.host(), ours()
    await number(host)
    running = asyncio.create_task(host.run(["sleep", "600"], timeout=60))
    await until(lambda: any(words.startswith("sleep") for words in commands(sshd).values()))
    if whose.startswith("ssh "):
        [pid] = ours() - before
    else:
        pid = next(
            pid for pid, words in commands(sshd).items() if whose.split(maxsplit=1)[0] in words.split()[0]
        )
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(Unreachable, match="The connection to mx1 was cut while sleep ran there"):
        await running
    assert (await number(host)).stdout == b"0\n"
    host.close()
    await until(lambda: not commands(sshd))


async def test_a_link_that_is_dead_is_known_in_time(
    make_sshd: MakeSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_line, "SILENCE", 0.5)
    monkeypatch.setattr(link_line, "DEAD", 1.5)
    sshd = make_sshd()
    with Proxy(sshd.port) as proxy:
        host = sshd.host(Port=proxy.port)
        await number(host)
        proxy.freeze()
        with pytest.raises(Unreachable, match="mx1 does not answer any more while id ran there"):
            await host.run(["id", "-u"], timeout=60)
        proxy.freeze(False)
        assert (await number(host)).stdout == b"0\n"
        host.close()


async def test_who_refuses_is_asked_less_and_less_often_until_the_person_wants_it(
    make_sshd: MakeSshd,
) -> None:
    sshd = make_sshd()
    with Proxy(sshd.port) as proxy:
        proxy.refuse()
        host = sshd.host(Port=proxy.port)
        told = await refusal(host)
        assert "hung up while we were logging in" in told
        for _ in range(20):
            assert await refusal(host) == told
        assert proxy.connections == tries(host) == 1
        proxy.refuse(False)
        await until(lambda: _opens(host))  # by itself, after a while
        assert tries(host) == 2
        proxy.cut()
        await until(lambda: not host.connected)
        proxy.refuse()
        await refusal(host)
        proxy.refuse(False)
        host.open_again()
        assert (await number(host)).stdout == b"0\n"
        host.close()


def _opens(host: SshHost) -> bool:
    try:
        host.child(["true"]).communicate()
    except HostError:
        return False
    return True


@pytest.mark.parametrize("asks", [False, True])
async def test_closing_waits_for_nobody(make_sshd: MakeSshd, asks: bool) -> None:
    released = threading.Event()

    def never(prompt: Prompt) -> str | None:
        released.wait(60)
        return None

    host, before = make_sshd(login=SILENT, passphrase="secret" if asks else "").host(on_prompt=never), ours()
    opening = asyncio.create_task(refusal(host))
    await until(lambda: tries(host))
    await until(lambda: ours() - before)
    started = time.monotonic()
    await asyncio.to_thread(host.close)
    await opening
    assert time.monotonic() - started < 15
    released.set()
    await until(lambda: not ours() - before)


async def test_many_at_once_open_side_by_side_and_who_hangs_holds_up_nobody(make_sshd: MakeSshd) -> None:
    well, hanging = make_sshd(), make_sshd(login=SILENT)
    stuck = [hanging.host(f"stuck{n}") for n in range(4)]
    waiting = [asyncio.create_task(refusal(host)) for host in stuck]
    hosts = [well.host(f"mx{n}") for n in range(8)]
    done = await asyncio.wait_for(asyncio.gather(*map(number, hosts)), 25)
    assert {completed.stdout for completed in done} == {b"0\n"}
    for host in (*hosts, *stuck):
        await asyncio.to_thread(host.close)
    await asyncio.gather(*waiting)
