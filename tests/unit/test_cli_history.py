"""``mtatui history`` with settings in it: one list, undo as a plan, confirming what waits."""

from __future__ import annotations

import time

import pytest

from mtatui.backends.applying import Ending
from tests.unit.settings_fake import CommandLine, FakeConfiguration, FakeServer, entry, reading


@pytest.fixture
def configuration() -> FakeConfiguration:
    """The settings of a server on which nobody has said anything."""
    return FakeConfiguration(reading())


@pytest.fixture
def server(configuration: FakeConfiguration) -> FakeServer:
    """Its server."""
    return FakeServer(configuration)


@pytest.fixture
def cli(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """The command line on it."""
    return CommandLine(server, monkeypatch, capsys)


def test_history_of_both_kinds_in_one_list(cli: CommandLine, configuration: FakeConfiguration) -> None:
    now = time.time()
    configuration.entries = [
        entry("261122-201500-s002", now, Ending.AWAITING, until=now + 60),
        entry("261122-191500-s001", now - 3600),
    ]
    lines = cli("history", "list").out.splitlines()
    assert "261122-201500-s002" in lines[1]
    assert "awaiting confirmation until" in lines[1]
    assert "A greeting is required: off → on" in lines[2]
    listed = cli("history", "list", "--json").json
    assert [(e["entry"], e["kind"], e["outcome"]) for e in listed] == [
        ("261122-201500-s002", "settings", "awaiting"),
        ("261122-191500-s001", "settings", "applied"),
    ]
    shown = cli("history", "show", "2").out
    for words in ("ann: settings", "It means something.", "-old\n+new\n", "runs:      postfix reload"):
        assert words in shown
    assert cli("history", "show", "261122-191500-s001", "--json").json["diff"] == ["-old", "+new"]
    assert cli("history", "show", "3").code == 2
    assert cli("history", "show", "²").code == 2


def test_undo_of_settings_is_a_plan(cli: CommandLine, configuration: FakeConfiguration) -> None:
    configuration.entries = [entry("261122-191500-s001", 1.0)]
    assert cli("history", "undo", "1").code == 3
    assert cli("history", "undo", "1", "--yes").code == 0
    assert configuration.applied[0][0].undoes == "261122-191500-s001"
    configuration.entries = [entry("261122-191500-s001", 1.0, Ending.ROLLED_BACK)]
    said = cli("history", "undo", "1", "--yes")
    assert said.code == 3
    assert "rolled back" in said.err


def test_what_waits_is_confirmed_or_taken_back(cli: CommandLine, configuration: FakeConfiguration) -> None:
    configuration.entries = [entry("261122-191500-s001", 1.0, Ending.AWAITING, until=time.time() + 60)]
    said = cli("history", "confirm", "1", "--json")
    assert (said.code, said.json["outcome"], said.json["until"]) == (0, "applied", None)
    assert cli("history", "undo", "1").code == 3
    said = cli("history", "undo", "1", keys="y\n")
    assert (said.code, said.out) == (0, "rolled back  261122-191500-s001\n")
    configuration.entries = [entry("261122-191500-s001", 1.0)]
    said = cli("history", "confirm", "1")
    assert said.code == 3
    assert "does not wait" in said.err


def test_the_line_to_type_next_means_the_same_server(cli: CommandLine) -> None:
    said = cli("-c", "/etc/postfix-out", "settings", "set", "inbound.smtpd_helo_required=on", "--yes")
    assert "To take it back: mtatui -c /etc/postfix-out history undo 261122-201500-sabc" in said.err


def test_the_history_is_roots(cli: CommandLine, server: FakeServer) -> None:
    server.host.superuser = False
    said = cli("history", "list")
    assert said.code == 4
    assert "is root's. Run mtatui as root" in said.err
    server.far = True
    assert "is root's. Log in there as root" in cli("history", "list").err
    server.host.limits = "there is no Python"
    assert "there is no Python" in cli("history", "list").err


def test_whether_we_are_root_far_away_is_known_once_it_was_reached(
    cli: CommandLine, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reached() -> None:
        server.host.superuser = False

    monkeypatch.setattr(server, "reached", reached)
    assert "is root's" in cli("history", "list").err


def test_whether_settings_can_be_changed_is_known_once_it_was_reached(
    cli: CommandLine, server: FakeServer, configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reached() -> None:
        monkeypatch.setattr(configuration, "why_not", lambda: "only root may do that")

    monkeypatch.setattr(server, "reached", reached)
    said = cli("settings", "set", "inbound.smtpd_helo_required=on", "--yes")
    assert said.code == 4
    assert "Settings cannot be changed: only root may do that." in said.err
    assert not configuration.applied
