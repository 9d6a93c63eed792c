"""``mtatui settings test``: block lists are asked, those that are named or all that are set."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from mtatui.settings.kinds import Trial, Zone
from tests.unit.settings_fake import CommandLine, FakeConfiguration, FakeServer, reading


class Came(NamedTuple):
    """What came of one."""

    zone: str
    ok: bool
    text: str


class Asking(FakeConfiguration):
    """A server whose resolver knows one list."""

    async def test_zone(self, zone: str) -> Came:
        """As if only one worked."""
        ok = zone == "bl.example.net"
        return Came(zone, ok, "127.0.0.2 is listed" if ok else "no answer")


ZONES = (Zone("bl.example.net"), Zone("new.example.net=127.0.0.2", Trial.TRIAL))


@pytest.fixture
def configuration() -> FakeConfiguration:
    """Two lists, one of them in two settings."""
    return Asking(reading(inbound__reject_rbl_client=ZONES, inbound__reject_rhsbl_sender=ZONES[:1]))


@pytest.fixture
def cli(
    configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """The command line on it."""
    return CommandLine(FakeServer(configuration), monkeypatch, capsys)


def test_those_that_are_named(cli: CommandLine) -> None:
    said = cli("settings", "test", "bl.example.net")
    assert (said.code, said.out) == (0, "✓ bl.example.net  127.0.0.2 is listed\n")
    said = cli("settings", "test", "bl.example.net", "elsewhere.example:trial")
    assert said.code == 1
    assert "✗ elsewhere.example  no answer" in said.out
    assert cli("settings", "test", "not a list!").code == 2


def test_all_that_are_set(cli: CommandLine, configuration: FakeConfiguration) -> None:
    said = cli("settings", "test", "--json")
    assert said.code == 1
    assert [(zone["zone"], zone["ok"]) for zone in said.json] == [
        (ZONES[0].zone, True),
        (ZONES[1].zone, False),
    ]
    configuration.now = reading()
    said = cli("settings", "test")
    assert (said.code, said.out) == (0, "")
    assert "No block list is set" in said.err
