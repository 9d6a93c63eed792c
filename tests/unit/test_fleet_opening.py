"""From entries of the config file to servers: near or far, with sudo, under their names, with their tags."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mtatui.backends.host import Prompt
from mtatui.backends.host_local import LocalHost
from mtatui.backends.host_ssh import SshHost
from mtatui.backends.host_sudo import SudoHost
from mtatui.config import Config, ServerEntry
from mtatui.fleet import Questions
from mtatui.fleet.opening import Opening


def test_each_entry_becomes_a_server_where_it_says(tmp_path: Path) -> None:
    config = replace(
        Config(), trash_days=3, trash_bytes=10, read_only=True, ssh_config=str(tmp_path / "config")
    )
    fleet = Opening.of(config).fleet(
        [
            ServerEntry("here", tags=("edge",)),
            ServerEntry("out", sudo=True, config_directory="/etc/postfix-out"),
            ServerEntry("far", "root@mx1.example.com", tags=("edge", "eu")),
        ]
    )
    here, out, far = fleet.servers
    assert [type(server.host) for server in fleet.servers] == [LocalHost, SudoHost, SshHost]
    assert [server.far for server in fleet.servers] == [False, False, True]
    assert (out.config_directory, here.config_directory) == ("/etc/postfix-out", None)
    assert isinstance(far.host, SshHost)
    assert (far.host.name, far.host.destination) == ("far", "root@mx1.example.com")
    assert all(server.host.read_only for server in fleet.servers)
    assert fleet.read_only
    assert (fleet.keep_days, here.keep_bytes) == (3, 10)
    assert fleet.tags == {"here": ("edge",), "far": ("edge", "eu")}
    fleet.close()


def test_one_that_is_added_is_opened_as_the_others_are() -> None:
    fleet = Opening(read_only=True, keep_days=2).fleet([ServerEntry("one", "one.example.com")])
    added = fleet.add(ServerEntry("two", "two.example.com", tags=("eu",)))
    assert added.host.read_only
    assert added.keep_days == 2
    assert fleet.names == ("one", "two")
    assert fleet.tags == {"two": ("eu",)}
    with pytest.raises(ValueError, match="two servers are called 'two'"):
        fleet.add(ServerEntry("two", "elsewhere.example.com"))
    with pytest.raises(ValueError, match="is no host"):
        fleet.add(ServerEntry("three", "-oProxyCommand=touch /tmp/x"))
    assert fleet.names == ("one", "two")
    fleet.close()


def test_what_ssh_asks_goes_through_the_questions_of_the_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    questions, given = Questions(), {}
    monkeypatch.setattr(SshHost, "__init__", lambda self, *args, **options: given.update(options))
    Opening(questions=questions).server(ServerEntry("far", "mx1"))
    questions.answer_by(lambda prompt: f"for {prompt.server}")
    assert given["on_prompt"](Prompt("far", "Password:", secret=True)) == "for far"
    Opening().server(ServerEntry("far", "mx1"))
    assert given["on_prompt"] is None
