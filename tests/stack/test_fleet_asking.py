"""What ssh asks on the way to a server, put to the person at the terminal of a command line."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtatui.config import ServerEntry
from mtatui.config.writing import put_server, save
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import Sshd
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def command(tmp_path: Path, postfix_instance: PostfixInstance) -> Iterator[str]:
    """A server whose key wants a passphrase, beside one here; what a shell runs to list both queues."""
    config = tmp_path / "mtatui" / "config.toml"
    with Sshd(passphrase="open sesame") as sshd:
        sshd.alias("far")
        save(config, ("ssh_config",), str(sshd.config))
        put_server(config, ServerEntry("near", config_directory=str(postfix_instance.config)))
        put_server(config, ServerEntry("far", "far", config_directory=str(postfix_instance.config)))
        yield f"{shlex.quote(sys.executable)} -m mtatui queue stats; echo code $?; stty -a; echo the end"


def shell(command: str, home: Path) -> Terminal:
    return Terminal(
        ["/bin/sh", "-c", command],
        columns=120,
        lines=40,
        cwd=str(ROOT),
        env={**os.environ, "XDG_CONFIG_HOME": str(home)},
    )


def test_the_passphrase_is_asked_for_and_not_shown(command: str, tmp_path: Path) -> None:
    with shell(command, tmp_path) as terminal:
        terminal.until("far asks:")
        terminal.until("it goes to ssh and is not kept")
        terminal.send("open sesame\n")
        terminal.until("the end")
        assert "code 0" in terminal.screen.text
        assert "sesame" not in terminal.screen.text
        assert [line.split()[0] for line in terminal.screen.lines if line.startswith(("near", "far "))] == [
            "far", "near", "far"
        ]  # fmt: skip


def test_no_answer_leaves_the_others(command: str, tmp_path: Path) -> None:
    with shell(command, tmp_path) as terminal:
        terminal.until("it goes to ssh and is not kept")
        terminal.send("\n")
        terminal.until("the end")
        assert "far cannot be reached: you did not answer what ssh asked." in terminal.screen.text
        assert "code 1" in terminal.screen.text
        assert "near" in terminal.screen.text


def test_who_is_interrupted_while_asked_has_an_echo_again(command: str, tmp_path: Path) -> None:
    with shell(f"trap : INT; {command}", tmp_path) as terminal:
        terminal.until("it goes to ssh and is not kept")
        terminal.send("\x03")
        terminal.until("the end")
        assert "code 130" in terminal.screen.text
        words = terminal.screen.text.split()
        assert {"echo", "icanon"} <= set(words)
        assert "-echo" not in words
