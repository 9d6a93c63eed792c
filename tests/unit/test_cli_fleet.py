"""The command line over several servers: whom it asks, how it names messages, who is told not to answer."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.host import HostError, NotPermitted, Prompt, Unreachable
from mtatui.cli import asking
from mtatui.cli.gathering import Gathered
from mtatui.cli.guard import Misused, guarded
from mtatui.cli.main import root
from mtatui.cli.messages import keys_of
from mtatui.config import ServerEntry, load
from mtatui.config.writing import put_server
from mtatui.fleet import Fleet
from tests.unit.fleet_fake import FakeServer

Cli = Callable[..., "Said"]


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def servers() -> list[FakeServer]:
    return [
        FakeServer("mx1", "AAAAA1", "SAME01"),
        FakeServer("mx2", "BBBBB1", "SAME01"),
        FakeServer("dead", "CCCCC1"),
    ]


@pytest.fixture
def fleet(servers: list[FakeServer]) -> Iterator[Fleet]:
    fleet = Fleet(servers, {"mx1": ("in",)})
    yield fleet
    fleet.close()


@pytest.fixture
def cli(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setattr("mtatui.cli.gathering.open_fleet", lambda *_: fleet)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        code = guarded(lambda: root.main(list(arguments), "mtatui", standalone_mode=False))
        return Said(code, *capsys.readouterr())

    return run


def gathered(fleet: Fleet) -> Gathered:
    them = Gathered(fleet, fleet.names)
    them.lost(fleet.scan())
    return them


# --- who answers ---


def test_what_is_there_is_listed_and_who_is_not_is_told(cli: Cli, servers: list[FakeServer]) -> None:
    servers[2].trouble = Unreachable("no route to it")
    listed = cli("queue", "list")
    assert listed.code == 1
    assert [line.split()[:2] for line in listed.out.splitlines()] == [
        ["Server", "ID"],
        ["mx1", "AAAAA1"],
        ["mx2", "BBBBB1"],
        ["mx1", "SAME01"],
        ["mx2", "SAME01"],
    ]
    assert listed.err == "mtatui: dead: no route to it\n4 of 4 messages on 2 servers\n"
    stats = cli("queue", "stats", "--json").json
    assert [s["server"] for s in stats["servers"]] == ["mx1", "mx2", "dead"]
    assert stats["servers"][2] == {"server": "dead", "error": "no route to it"}


def test_where_nobody_answers_the_code_is_that_of_the_errors(cli: Cli, servers: list[FakeServer]) -> None:
    for server in servers:
        server.trouble = Unreachable(f"no way to {server.name}")
    nobody = cli("queue", "list")
    assert (nobody.code, nobody.out) == (4, "")
    for server in servers:
        assert f"{server.name}: no way to {server.name}" in nobody.err


def test_of_whom_one_is_heard_others_may_be_lost_later(fleet: Fleet) -> None:
    them = gathered(fleet)
    assert them.heard({"mx1": 1, "mx2": HostError("gone"), "dead": 3}) == {"mx1": 1, "dead": 3}
    assert (them.answering, them.code(), them.code(3)) == (["mx1", "dead"], 1, 3)
    assert them.document([{"server": "mx1"}]) == {
        "servers": [{"server": "mx1"}, {"server": "mx2", "error": "gone"}]
    }
    with pytest.raises(NotPermitted, match="mx1: no\n"):
        Gathered(fleet, ("mx1", "mx2")).lost({"mx1": NotPermitted("no"), "mx2": NotPermitted("nor I")})


def test_after_a_while_the_person_is_told_who_is_waited_for(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtatui.cli.gathering.PATIENCE", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    them = Gathered(fleet, fleet.names)
    heard, told = threading.Event(), []

    def say(text: str) -> None:
        told.append(text)
        heard.set()

    monkeypatch.setattr("mtatui.cli.gathering.say", say)
    with them.waiting():
        assert heard.wait(10)
    assert told == ["mtatui: waiting for dead, mx1, mx2 …"]


def test_who_names_itself_is_not_named_twice(cli: Cli, servers: list[FakeServer]) -> None:
    servers[2].trouble = Unreachable("dead cannot be reached")
    assert cli("queue", "list", "--ids").err == "mtatui: dead cannot be reached\n"


# --- whose message it is ---


def test_an_id_is_found_wherever_it_is(fleet: Fleet) -> None:
    them = gathered(fleet)
    assert keys_of(them, ["BBBBB1", "mx1/SAME01", "mx1/NOTHERE1"]) == [
        "mx2/BBBBB1",
        "mx1/SAME01",
        "mx1/NOTHERE1",
    ]
    assert keys_of(them, ["NOTHERE1", "AAAAA1", "mx1/AAAAA1"]) == ["NOTHERE1", "mx1/AAAAA1"]
    with pytest.raises(Misused, match="SAME01 is on several servers: say mx1/SAME01 or mx2/SAME01"):
        keys_of(them, ["AAAAA1", "SAME01"])
    with pytest.raises(Misused, match="mx9/AAAAA1: no such server"):
        keys_of(them, ["mx9/AAAAA1"])


def test_of_a_lone_server_its_name_may_be_said() -> None:
    them = gathered(Fleet([FakeServer("mx1", "AAAAA1")]))
    assert keys_of(them, ["mx1/AAAAA1", "AAAAA1", "BBBBB1"]) == ["AAAAA1", "BBBBB1"]
    with pytest.raises(Misused, match="this is mx1"):
        keys_of(them, ["mx2/AAAAA1"])


def test_a_verb_goes_where_it_was_sent(cli: Cli, servers: list[FakeServer]) -> None:
    refused = cli("queue", "hold", "AAAAA1")
    assert refused.code == 2
    assert "Hold: there are several servers" in refused.err
    assert "(mx1, mx2, dead)" in refused.err
    assert cli("--server", "all", "queue", "hold", "SAME01").code == 2
    assert [server.acted for server in servers] == [[], [], []]

    done = cli("--server", "all", "queue", "hold", "BBBBB1", "mx1/SAME01", "NOTHERE1", "--json")
    assert done.code == 1
    assert {(r.get("server"), r["id"], r["result"]) for r in done.json["receipts"]} == {
        ("mx2", "BBBBB1", "done"),
        ("mx1", "SAME01", "done"),
        (None, "NOTHERE1", "gone"),
    }
    assert {name: part["tally"]["done"] for name, part in done.json["servers"].items()} == {
        "mx1": 1,
        "mx2": 1,
    }
    assert [[ids for _, ids, _ in server.acted] for server in servers] == [[("SAME01",)], [("BBBBB1",)], []]


def test_what_may_be_on_a_server_that_does_not_answer_is_not_gone(
    cli: Cli, servers: list[FakeServer]
) -> None:
    servers[2].trouble = Unreachable("no route to it")
    done = cli("--server", "all", "queue", "hold", "CCCCC1", "AAAAA1")
    assert done.code == 1
    assert "CCCCC1  failed   not found, and dead did not answer" in done.out
    assert "mx1/AAAAA1  done" in done.out


def test_servers_that_are_named_by_their_messages_are_asked_alone(
    cli: Cli, servers: list[FakeServer]
) -> None:
    servers[2].trouble = Unreachable("no route to it")
    done = cli("queue", "hold", "-", stdin="mx1/AAAAA1\nmx2/SAME01\n")
    assert done.code == 3
    assert "asks first" in done.err
    done = cli("queue", "hold", "-", "--yes", stdin="mx1/AAAAA1\nmx2/SAME01\n")
    assert (done.code, "dead" in done.err) == (0, False)
    assert "mx1: 1 put on hold\nmx2: 1 put on hold\n2 put on hold; to take it back" in done.err


def test_what_is_about_one_server_says_so(cli: Cli) -> None:
    for arguments in (["settings", "export"], ["dkim", "list"], ["--server", "all", "settings", "export"]):
        said = cli(*arguments)
        assert said.code == 2, arguments
        assert "This is about one server" in said.err
        assert "--server NAME" in said.err


# --- the list of servers ---


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "mtatui" / "config.toml"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    code = guarded(lambda: root.main(list(arguments), "mtatui", standalone_mode=False))
    return Said(code, *capsys.readouterr())


def test_servers_are_written_down_and_taken_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = said(capsys, "servers", "list")
    assert (nobody.code, nobody.out) == (0, "")
    assert "No server is configured" in nobody.err
    added = said(capsys, "servers", "add", "mx1", "root@mx1.test", "--tag", "in", "--tag", "b", "--sudo")
    assert added.code == 0
    assert "mtatui servers check mx1" in added.err
    assert said(capsys, "servers", "add", "here", "localhost").code == 0
    assert load().servers == (ServerEntry("mx1", "root@mx1.test", True, "", ("in", "b")), ServerEntry("here"))
    (_, *rows) = said(capsys, "servers", "list").out.splitlines()
    assert [row.split() for row in rows] == [
        ["mx1", "root@mx1.test", "yes", "in,", "b"],
        ["here", "localhost", "no"],
    ]
    twice = said(capsys, "servers", "add", "mx1", "elsewhere")
    assert (twice.code, "called mx1 already" in twice.err) == (2, True)
    wrong = said(capsys, "servers", "add", "mx3", "mx3;reboot")
    assert (wrong.code, "should be a host, or user@host" in wrong.err) == (2, True)
    assert said(capsys, "servers", "remove", "mx1").code == 0
    assert [entry.name for entry in load().servers] == ["here"]
    gone = said(capsys, "servers", "remove", "mx1")
    assert (gone.code, "there are: here" in gone.err) == (2, True)


def test_a_file_with_a_mistake_is_left_as_it_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.parent.mkdir()
    home.write_text("theme = [", "utf-8")
    refused = said(capsys, "servers", "add", "mx1", "mx1")
    assert refused.code == 3
    assert "left as it is" in refused.err
    assert home.read_text("utf-8") == "theme = ["


def test_a_server_of_everybody_cannot_be_taken_out_of_ones_own_file(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "system.toml"
    put_server(system, ServerEntry("mx1", "mx1"))
    monkeypatch.setattr("mtatui.cli.servers.load", lambda: load(system=system))
    refused = said(capsys, "servers", "remove", "mx1")
    assert (refused.code, f"called mx1 in {home}" in refused.err) == (3, True)


# --- what ssh asks ---


def test_ssh_asks_at_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda words: "secret" if "not kept" in words else "")
    answers = iter(["YES", "no", "", "word", ""])
    monkeypatch.setattr("builtins.input", lambda: next(answers))
    ask = asking._asked
    assert ask(Prompt("mx1", "root@mx1's password:\x1b[2J", secret=True)) == "secret"
    assert "mx1 asks:\nroot@mx1's password:␛[2J\n" in capsys.readouterr().err
    key = Prompt("mx1", "Is this the right key?", confirm=True)
    assert [ask(key), ask(key), ask(key)] == ["yes", None, None]
    assert [ask(Prompt("mx1", "A code:")), ask(Prompt("mx1", "A code:"))] == ["word", None]


def test_without_a_terminal_ssh_does_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with asking.questions() as questions:
        assert questions is None
