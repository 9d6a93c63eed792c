"""Settings from the command line on the demo server: the real way of a change, from words to bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from mtatui.backends.host_demo import DemoHost
from mtatui.server import Server
from tests.unit.settings_fake import CommandLine, FakeServer


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoHost]:
    """One demo for all of them."""
    host = DemoHost()
    Server(host).facts  # noqa: B018  # its files are made when it is first asked
    yield host
    host.close()


@pytest.fixture
def cli(demo: DemoHost, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line on it."""
    monkeypatch.setattr(DemoHost, "close", lambda _: None)
    return CommandLine(cast(FakeServer, Server(demo, name="demo")), monkeypatch, capsys)


def main_cf(demo: DemoHost) -> bytes:
    return Path(demo.home, "etc", "main.cf").read_bytes()


def test_a_change_and_its_way_back(cli: CommandLine, demo: DemoHost) -> None:
    before = main_cf(demo)
    done = cli(
        "settings", "set", "--yes", "--json",
        "inbound.reject_unknown_client_hostname=trial", "outbound.message_size_limit=7M",
    )  # fmt: skip
    assert (done.code, done.json["outcome"]) == (0, "applied"), done.err
    assert b"\nmessage_size_limit = 7340032\n" in main_cf(demo)
    shown = cli("settings", "show", "--json").json["settings"]
    assert shown["inbound.reject_unknown_client_hostname"]["value"] == "trial"
    assert shown["outbound.message_size_limit"]["value"] == 7340032
    last = cli("history", "list", "--json").json[0]
    assert (last["entry"], last["kind"], last["outcome"]) == (done.json["entry"], "settings", "applied")
    assert cli("history", "undo", "1", "--yes").code == 0
    assert main_cf(demo) == before


def test_a_profile_of_itself_changes_nothing(cli: CommandLine, demo: DemoHost) -> None:
    before = main_cf(demo)
    profile = cli("settings", "export").out
    assert cli("settings", "diff", "-", stdin=profile).code == 0
    assert cli("settings", "apply", "-", stdin=profile).out == "unchanged\n"
    assert main_cf(demo) == before


def test_a_password_is_in_no_history(cli: CommandLine, demo: DemoHost) -> None:
    done = cli(
        "settings", "set", "outbound.relay_login=ann:-", "outbound.relayhost=[smtp.example.com]:587",
        "outbound.smtp_tls_security_level=encrypt", "--yes", "--accept-risk", stdin="hunter2\n",
    )  # fmt: skip
    assert done.code == 0, done.err
    told = [
        done,
        cli("history", "show", "1"),
        cli("history", "show", "1", "--json"),
        cli("settings", "export"),
    ]
    assert all("hunter2" not in said.out + said.err for said in told)
    holding = {
        path.name: path.stat().st_mode & 0o777
        for path in Path(demo.home).rglob("*")
        if path.is_file() and b"hunter2" in path.read_bytes()
    }
    assert holding == {"relay_login": 0o600}
    assert cli("history", "undo", "1", "--yes", "--accept-risk").code == 0
    shown = cli("settings", "show", "outbound.relay_login")
    assert shown.out.startswith("outbound.relay_login = none\n")
