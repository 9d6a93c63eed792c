"""A check of a server tells what is there and what is not, here and through a real ssh."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.host_local import LocalHost
from mtatui.backends.host_ssh import SshHost
from mtatui.fleet.checking import Finding, Level, check
from mtatui.server import Server
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import NOBODY, NOISY, RESTRICTED, Sshd

pytestmark = pytest.mark.stack


@pytest.fixture
def make_sshd() -> Iterator[Callable[..., Sshd]]:
    """Make private sshds; they are stopped after the test."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(Sshd(**options))


async def found(server: Server) -> dict[str, Finding]:
    """What was found, by what it is about; the last word of each."""
    try:
        return {finding.check: finding for finding in await check(server)}
    finally:
        server.close()


async def test_a_well_server_is_told_from_the_ground_up(
    postfix_instance: PostfixInstance, make_sshd: Callable[..., Sshd]
) -> None:
    instance = postfix_instance
    instance.send("a@sender.test", "full-1@ok.test")
    instance.settle()
    near = await found(Server(LocalHost(), str(instance.config), "here"))
    far = await found(Server(make_sshd(login=NOISY).host(), str(instance.config), "mx1", far=True))
    assert list(near) == list(far)
    assert list(near)[:2] == ["reach", "postfix"]
    assert all(finding.level in (Level.OK, Level.NOTE) for finding in (*near.values(), *far.values()))
    assert near["reach"].found == "this machine"
    assert far["reach"].found.startswith("reached in ")
    assert far["postfix"].found.startswith("Postfix 3.")
    assert str(instance.queue) in far["postfix"].found
    assert far["queue"].found.startswith("1 messages in ")
    assert far["filters"].found == "Postfix asks no filters about mail"


async def test_who_cannot_be_reached_is_told_in_one_word_and_nothing_else_is_tried(
    make_sshd: Callable[..., Sshd],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = SshHost("mx9", f"ssh://127.0.0.1:{taken.getsockname()[1]}")
        [(name, finding)] = (await found(Server(closed, name="mx9", far=True))).items()
    assert (name, finding.level) == ("reach", Level.BAD)
    assert "refuses connections" in finding.found
    restricted = await found(Server(make_sshd(login=RESTRICTED).host(), name="mx8", far=True))
    assert list(restricted) == ["reach"]
    assert "only for sftp" in restricted["reach"].found


async def test_where_there_is_no_postfix_it_is_said_what_was_looked_for(tmp_path: Path) -> None:
    findings = await found(Server(LocalHost(), str(tmp_path), "here"))
    assert list(findings) == ["reach", "postfix"]
    assert findings["postfix"].ok is False
    assert "configuration directory" in findings["postfix"].found


async def test_a_stopped_postfix_and_a_server_without_python_are_gaps_with_advice(
    postfix_instance: PostfixInstance, make_sshd: Callable[..., Sshd]
) -> None:
    instance = postfix_instance
    instance.halt()
    stopped = await found(Server(LocalHost(), str(instance.config), "here"))
    assert stopped["running"].ok is False
    assert stopped["running"].advice.startswith("Start it: postfix -c")
    instance.start()
    plain = await found(Server(make_sshd(python=False).host(), str(instance.config), "mx1", far=True))
    assert plain["limits"].ok is None
    assert "Python" in plain["limits"].found
    assert plain["postfix"].ok is True
    assert plain["queue"].level is Level.NOTE


async def test_sudo_that_does_not_let_us_is_told_with_the_lines_that_would(
    postfix_instance: PostfixInstance,
) -> None:
    class Pretending(LocalHost):
        """Whoever is asked who he is there is nobody; sudo lets him run postcat only."""

        def command(self, argv: Sequence[str]) -> list[str]:
            if list(argv[:2]) == ["id", "-u"]:
                return ["echo", "65534"]
            if argv[0] == "sudo":
                return ["test", argv[-1], "=", "postcat"]
            return list(argv)

    findings = await found(Server(Pretending(), str(postfix_instance.config), "here"))
    assert findings["sudo"].ok is False
    assert "postsuper, python3 without a password" in findings["sudo"].found
    assert "NOPASSWD" in findings["sudo"].advice


@pytest.mark.parametrize(
    ("oddity", "words", "advice"),
    [
        ({"sudo": False}, "there is no sudo, and this user is not root", ["Install sudo", "log in as root"]),
        (
            {"sudoers": "nobody ALL=(ALL) ALL"},
            "postsuper, postcat, python3 without a password",
            [
                f"nobody ALL=(root) NOPASSWD: /usr/{x}"
                for x in ("sbin/postsuper", "sbin/postcat", "bin/python3")
            ],
        ),
    ],
)
async def test_what_sudo_does_not_do_over_there_is_said_once(
    busy_instance: PostfixInstance,
    make_sshd: Callable[..., Sshd],
    oddity: dict[str, Any],
    words: str,
    advice: list[str],
) -> None:
    host = make_sshd(login=NOBODY, **oddity).host(sudo=True)
    findings = await found(Server(host, str(busy_instance.config), "mx1", far=True))
    assert findings["sudo"].ok is False
    assert words in findings["sudo"].found
    assert all(one in findings["sudo"].advice for one in advice)
    assert [name for name, finding in findings.items() if not finding.ok] == ["sudo"]
    assert not {"rights", "queue", "filters"} & findings.keys()


async def test_who_may_all_through_sudo_is_told_so(
    busy_instance: PostfixInstance, make_sshd: Callable[..., Sshd]
) -> None:
    host = make_sshd(login=NOBODY, sudoers="nobody ALL=(root) NOPASSWD: ALL").host(sudo=True)
    findings = await found(Server(host, str(busy_instance.config), "mx1", far=True))
    assert findings["sudo"].found == "may run postsuper, postcat, python3 as root"
    assert findings["queue"].found.endswith("read from the spool: everything is known")
    assert all(finding.ok for finding in findings.values())
