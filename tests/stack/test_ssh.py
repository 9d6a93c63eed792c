"""The way to a server over a real ssh: how it is opened, what it asks, and what can be done there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mtatui.backends import history, host_ssh_way, link_line, peek
from mtatui.backends.host import HostError, Missing, NotPermitted, Prompt
from mtatui.backends.postfix.feed import SpoolFeed
from tests.stack.far import MakeSshd, Person, master, number, ours, refusal, tries, until
from tests.stack.sshd import NOBODY, NOISY, Sshd
from tests.stack.wire import Proxy

pytestmark = pytest.mark.stack


@pytest.fixture
def make_sshd() -> Iterator[MakeSshd]:
    """Make private sshds; they are stopped after the test, and nothing of ours may run then."""
    before = ours()
    with ExitStack() as running:
        yield lambda **options: running.enter_context(Sshd(**options))
    assert ours() - before == set()


async def test_it_is_opened_when_it_is_needed_and_only_once(make_sshd: MakeSshd) -> None:
    sshd = make_sshd(login=NOISY, banner="All your mail are belong to us.\n")
    host, before = sshd.host(), ours()
    assert not host.connected
    assert sshd.sessions() == []
    done = await asyncio.gather(*(number(host) for _ in range(10)))
    assert {completed.stdout for completed in done} == {b"0\n"}
    assert host.connected
    assert tries(host) == 1
    assert host.hello is not None
    assert (host.hello.user, host.hello.uid) == ("root", 0)
    assert abs(host.hello.time - time.time()) < 60
    host.close()
    assert ours() - before == set()
    assert "let go of" in await refusal(host)


async def test_an_idle_connection_costs_next_to_nothing(
    make_sshd: MakeSshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_line, "SILENCE", 0.2)
    sshd = make_sshd()
    with Proxy(sshd.port) as proxy:
        host = sshd.host(Port=proxy.port)
        await number(host)
        before = proxy.sent + proxy.received
        await asyncio.sleep(1.2)
        assert 0 < proxy.sent + proxy.received - before < 2000
        host.close()


async def test_an_admins_own_master_is_used_and_stays(make_sshd: MakeSshd) -> None:
    sshd = make_sshd()
    host = sshd.host(ControlPath=str(sshd.root / "own"), ControlMaster="auto", ControlPersist="60")
    assert _ssh(sshd, "true") == 0
    sshd.known_hosts.write_text("")  # a connection of its own would be refused
    assert (await number(host)).stdout == b"0\n"
    host.close()
    assert _ssh(sshd, "-O", "check") == 0
    assert _ssh(sshd, "-O", "exit") == 0


def _ssh(sshd: Sshd, *words: str) -> int:
    """The exit status of an ssh of the admin's own."""
    nowhere = subprocess.DEVNULL
    options, command = (words, ()) if words[0].startswith("-") else ((), words)
    argv = ["ssh", "-F", str(sshd.config), *options, "mx1", *command]
    return subprocess.run(argv, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=False).returncode


async def test_a_passphrase_is_asked_for_and_the_connection_opens(make_sshd: MakeSshd) -> None:
    person = Person("wrong", "secret words")
    host = make_sshd(passphrase="secret words").host(on_prompt=person)
    assert (await number(host)).stdout == b"0\n"
    assert [(one.server, one.secret, one.confirm) for one in person.asked] == [("mx1", True, False)] * 2
    assert person.asked[0].text.startswith("Enter passphrase for key '")
    host.close()
    said = repr([entry.argv for entry in host.log.entries])
    assert "secret words" not in said


async def test_who_does_not_answer_is_not_asked_again_before_he_wants_it(make_sshd: MakeSshd) -> None:
    person = Person(None, "secret words")
    host = make_sshd(passphrase="secret words").host(on_prompt=person)
    for _ in range(3):
        assert "you did not answer" in await refusal(host)
    assert len(person.asked) == tries(host) == 1
    host.open_again()
    assert (await number(host)).stdout == b"0\n"
    assert len(person.asked) == 2
    host.close()


async def test_a_new_host_key_is_shown_and_taken_when_the_person_says_yes(make_sshd: MakeSshd) -> None:
    sshd = make_sshd()
    sshd.known_hosts.write_text("")
    person = Person(None, "yes")
    host = sshd.host(on_prompt=person, StrictHostKeyChecking="ask")
    await refusal(host)
    assert sshd.known_hosts.read_text() == ""
    host.open_again()
    assert (await number(host)).stdout == b"0\n"
    assert [(one.secret, one.confirm) for one in person.asked] == [(False, True)] * 2
    assert "key fingerprint is SHA256:" in person.asked[0].text
    assert "ssh-ed25519" in sshd.known_hosts.read_text()
    host.close()


async def test_a_person_may_take_his_time(make_sshd: MakeSshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than we wait where nobody is asked; on a busy machine ssh alone takes seconds."""
    monkeypatch.setattr(host_ssh_way, "PATIENCE", 10.0)

    def slow(prompt: Prompt) -> str | None:
        time.sleep(11)
        return "secret words"

    host = make_sshd(passphrase="secret words").host(on_prompt=slow)
    assert (await number(host)).stdout == b"0\n"
    host.close()


async def test_what_is_only_told_is_told_until_it_is_done(make_sshd: MakeSshd, tmp_path: Path) -> None:
    """As ssh does for the touch of a key (readpass.c, notify_start): it starts the program, and ends it."""
    touch, bridge = tmp_path / "touch", tmp_path / "bridge"
    bridge.write_text(_BRIDGE)
    touch.write_text(
        '#!/bin/sh\nSSH_ASKPASS_PROMPT=none "$SSH_ASKPASS" "Confirm user presence for key" &\n'
        f"while [ ! -e {tmp_path}/touched ]; do sleep 0.05; done\n"
        f'kill $!\nexec {sys.executable} {bridge} "$1" "$2"\n'
    )
    touch.chmod(0o700)
    sshd = make_sshd()
    with Proxy(sshd.port) as proxy:
        host = sshd.host(on_prompt=Person(), ProxyCommand=f"{touch} 127.0.0.1 {proxy.port}")
        opening = asyncio.create_task(number(host))
        await until(lambda: host.notice)
        assert host.notice == "Confirm user presence for key"
        (tmp_path / "touched").touch()
        assert (await opening).stdout == b"0\n"
        assert host.notice == ""
        host.close()


_BRIDGE = """\
import os, selectors, socket, sys
wire = socket.create_connection((sys.argv[1], int(sys.argv[2])))
with selectors.DefaultSelector() as selector:
    selector.register(0, 1)
    selector.register(wire, 1)
    while True:
        for key, _ in selector.select():
            data = os.read(key.fd, 65536)
            if not data:
                sys.exit()
            wire.sendall(data) if key.fd == 0 else os.write(1, data)
"""


async def test_with_sudo_root_does_only_what_needs_root(make_sshd: MakeSshd) -> None:
    host = make_sshd(login=NOBODY, sudoers="nobody ALL=(root) NOPASSWD: ALL").host(sudo=True)
    assert (await number(host)).stdout == b"65534\n"
    assert host.superuser
    program = [sys.executable, "-I", "-S", peek.__file__]
    asked = b'{"directory": "/proc/1/fd"}'
    assert b"names" in (await host.run(program, input=asked)).stdout
    assert b"errno" in (await host.run(["env", *program], input=asked)).stdout
    assert b"names" in host.child(program).communicate(asked, timeout=20)[0]
    files = await host.files(["/etc/shadow", "/etc/passwd"])
    assert not any(isinstance(file, HostError) for file in files.values())
    assert "0" in await host.names("/proc/1/fd")
    said = [str(entry) for entry in host.log.entries if "peek" in str(entry)]
    assert said[0].startswith("sudo -n -- python3 -I -S -c <peek.py>".replace("<peek.py>", "'<peek.py>'"))
    host.close()


async def test_sudo_that_wants_a_password_is_told_with_the_lines_to_add(make_sshd: MakeSshd) -> None:
    host = make_sshd(login=NOBODY, sudoers="nobody ALL=(ALL) ALL").host(sudo=True)
    with pytest.raises(NotPermitted) as told:
        await host.run(["postsuper", "-d", "-"], changes=True, input=b"")
    assert "sudo on mx1 does not allow postsuper without a password" in str(told.value)
    assert "nobody ALL=(root) NOPASSWD: /usr/sbin/postsuper" in str(told.value)
    shadow = (await host.files(["/etc/shadow"]))["/etc/shadow"]
    assert isinstance(shadow, NotPermitted)
    with pytest.raises(NotPermitted):
        await host.names("/proc/1/fd")
    host.close()


async def test_where_there_is_no_sudo_it_is_said_whatever_needs_it(make_sshd: MakeSshd) -> None:
    host = make_sshd(login=NOBODY, sudo=False).host(sudo=True)
    words = "There is no sudo on mx1, nobody is not root, and {} needs that."
    with pytest.raises(Missing) as told:
        await host.run(["postsuper", "-d", "-"], changes=True, input=b"")
    assert str(told.value) == words.format("postsuper")
    found = await host.files(["/etc/shadow", "/etc/passwd"])
    assert str(found["/etc/shadow"]) == words.format("python3")
    assert not isinstance(found["/etc/passwd"], HostError)
    with pytest.raises(HostError, match=re.escape(words.format("python3"))):
        list(SpoolFeed(host, "/var/spool/postfix", "", 0).scan())
    with pytest.raises(Missing) as told:
        await history.confirm(host, "/var/spool/postfix", "x", who="ada")
    assert str(told.value) == words.format("python3")
    assert (await number(host)).stdout == b"65534\n"
    host.close()


async def test_without_python_the_queue_can_be_looked_at_and_that_is_said(make_sshd: MakeSshd) -> None:
    sshd = make_sshd(python=False, passphrase="secret words")
    person = Person("secret words", "secret words")
    host = sshd.host(on_prompt=person)
    words = ["a b", "$(id)", "`id`", "'", '"', "\\", ";", "*", "~", "", "ü€", "a\nb"]
    said = await host.run(["echo", *words])
    assert said.stdout.decode() == " ".join(words) + "\n"
    assert host.connected
    assert not host.superuser
    assert "there is no Python 3.6 or newer on mx1" in host.limits
    assert host.can("postqueue")
    assert not host.can("postnothing")
    assert (await host.run(["cat"], input=b"x" * 300_000)).stdout == b"x" * 300_000
    assert host.child(["echo", "hello"]).communicate(timeout=20) == (b"hello\n", b"")
    assert (await host.run(["cat", "/nowhere"])).returncode == 1
    with pytest.raises(Missing, match="no postnothing on mx1"):
        await host.run(["postnothing"])
    with pytest.raises(HostError, match="no Python"):
        await host.run([sys.executable, "-I", "-S", peek.__file__])
    with pytest.raises(HostError, match="no Python"):
        await host.files(["/etc/passwd"])
    assert master(host)
    assert len(person.asked) == 2  # once to look for Python, once for the connection that is kept
    host.close()
    await until(lambda: not master(host))


async def test_when_python_has_come_meanwhile_all_can_be_done(make_sshd: MakeSshd) -> None:
    sshd = make_sshd(python=False)
    host = sshd.host()
    await number(host)
    assert host.limits
    (sshd.root / "bin" / "python3").symlink_to(sys.executable)
    host.open_again()
    assert (await host.files(["/etc/passwd"]))["/etc/passwd"]
    assert host.limits == ""
    assert host.superuser
    host.close()
