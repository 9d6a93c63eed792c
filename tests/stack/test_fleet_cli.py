"""The command line over several real Postfixes, here and through a real ssh: what it says is what their own
tools say, what it does is done where it was meant, and who does not answer is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mtatui.config import ServerEntry
from mtatui.config.writing import put_server, save
from tests.stack.postfix import PostfixInstance
from tests.stack.sshd import NOBODY, Sshd

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
NAMES = ("mx1", "mx2")


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class CommandLine:
    """Runs mtatui with a config file that names the servers."""

    home: Path
    instances: dict[str, PostfixInstance] = field(default_factory=dict)

    def __call__(self, *arguments: str, input: str = "", code: int = 0) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "mtatui", *arguments],
            cwd=ROOT, input=input, capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/bin", "XDG_CONFIG_HOME": str(self.home), "COLUMNS": "250"},
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    @property
    def config(self) -> Path:
        return self.home / "mtatui" / "config.toml"

    def lying(self, state: str = "deferred") -> set[str]:
        """What lies there in a state, as the spools say."""
        return {f"{name}/{id}" for name, one in self.instances.items() for id in one.queue_ids(state)}


@pytest.fixture(params=["here", "ssh"])
def cli(
    request: pytest.FixtureRequest, tmp_path: Path, make_postfix: Callable[..., PostfixInstance]
) -> Iterator[CommandLine]:
    """Two servers with three deferred messages each."""
    cli = CommandLine(tmp_path, {name: make_postfix() for name in NAMES})
    with ExitStack() as stack:
        sshd = stack.enter_context(Sshd()) if request.param == "ssh" else None
        for name, instance in cli.instances.items():
            if sshd is not None:
                sshd.alias(name)
                save(cli.config, ("ssh_config",), str(sshd.config))
            host = name if sshd is not None else "localhost"
            put_server(
                cli.config,
                ServerEntry(name, host, config_directory=str(instance.config), tags=(f"t-{name}",)),
            )
            for number in range(3):
                instance.send(f"{name}-{number}@sender.test", f"full-{number}@full.test")
        for instance in cli.instances.values():
            instance.settle()
        yield cli


def dead(cli: CommandLine) -> None:
    """One more server, which nobody answers for."""
    put_server(cli.config, ServerEntry("gone", "localhost", config_directory=str(cli.home / "nowhere")))


def test_looking_is_about_all_of_them(cli: CommandLine) -> None:
    listed = cli("queue", "list", "--json").lines
    assert {f"{m['server']}/{m['id']}" for m in listed} == cli.lying()
    assert all(m["expires"] for m in listed)
    assert set(cli("queue", "list", "--ids").out.split()) == cli.lying()
    table = cli("queue", "list", "--sort", "server")
    assert table.out.split()[0] == "Server"
    assert [line.split()[0] for line in table.out.splitlines()[1:]] == ["mx1"] * 3 + ["mx2"] * 3
    assert "6 of 6 messages on 2 servers" in table.err
    assert set(cli("--server", "@t-mx2", "queue", "list", "--ids").out.split()) == {
        key.partition("/")[2] for key in cli.lying() if key.startswith("mx2/")
    }

    stats = cli("queue", "stats", "--json").json
    assert (stats["messages"], stats["states"]["deferred"]) == (6, 6)
    assert [(s["server"], s["messages"]) for s in stats["servers"]] == [("mx1", 3), ("mx2", 3)]
    rows = [line.split() for line in cli("queue", "stats").out.splitlines()]
    assert [(row[0], row[-1]) for row in rows[1:]] == [("mx1", "3"), ("mx2", "3"), ("all", "6")]
    by = cli("queue", "stats", "--by", "server", "--json").json["values"]
    assert {(value["value"], value["messages"]) for value in by} == {("mx1", 3), ("mx2", 3)}


def test_a_message_is_shown_wherever_it_is(cli: CommandLine) -> None:
    key = min(cli.lying())
    server, _, id = key.partition("/")
    raw = cli.instances[server].run("postcat", "-bhq", id).stdout.decode()
    for name in (key, id):
        shown = cli("queue", "show", name, "--json").json
        assert (shown["server"], shown["id"]) == (server, id)
        assert cli("queue", "show", name, "--raw").out == raw
    words = cli("queue", "show", key).out.splitlines()
    assert words[:2] == [f"server    {server}", f"id        {id}"]
    assert "is not in the queue" in cli("queue", "show", "0123456789", code=1).err
    assert "no server is called 'mx9'" in cli("queue", "show", "mx9/0123456789", code=2).err


def test_changing_says_where(cli: CommandLine) -> None:
    before = cli.lying()
    refused = cli("queue", "hold", "--filter", "age>=0s", "--yes", code=2)
    assert "--server NAME, @TAG or all (mx1, mx2)" in refused.err
    for arguments in (
        ["queue", "flush"],
        ["queue", "trash", "empty", "--yes"],
        ["history", "undo", "1", "--yes"],
        ["settings", "set", "inbound.smtpd_helo_required=yes", "--yes"],
        ["service", "reload", "postfix", "--yes"],
    ):
        assert "--server NAME" in cli(*arguments, code=2).err, arguments
    assert cli.lying() == before

    held = cli("--server", "mx2", "queue", "hold", "--filter", "age>=0s", "--yes", "--json").json
    assert held["tally"]["done"] == 3
    assert {key.partition("/")[0] for key in cli.lying("hold")} == {"mx2"}


def test_verbs_over_all_and_back_as_one(cli: CommandLine) -> None:
    before = cli.lying()
    asked = cli("--server", "all", "queue", "delete", "--filter", "to:full-1", "--dry-run", "--json").json
    assert asked["servers"] == {"mx1": 1, "mx2": 1}
    assert "Say --yes" in cli("--server", "all", "queue", "delete", "--filter", "to:full-1", code=3).err
    assert cli.lying() == before

    done = cli("--server", "all", "queue", "delete", "--filter", "to:full-1", "--yes")
    gone = before - cli.lying()
    assert {key.partition("/")[0] for key in gone} == set(NAMES)
    assert {line.split()[0] for line in done.out.splitlines()} == gone
    assert "mx1: 1 deleted" in done.err
    assert "mx2: 1 deleted" in done.err
    trash = cli("queue", "trash", "list", "--json").lines
    assert {f"{m['server']}/{m['id']}" for m in trash} == gone

    history = cli("history", "list", "--json").json
    assert [entry["server"] for entry in history] == ["mx1", "mx2"]
    (entry,) = {entry["entry"] for entry in history}
    assert f"mtatui --server mx1,mx2 history undo {entry}" in done.err
    back = cli("--server", "mx1,mx2", "history", "undo", entry, "--yes", "--json").json
    assert {f"{r['server']}/{r['id']}" for r in back["receipts"]} == gone
    assert set(back["servers"]) == set(NAMES)
    assert cli.lying("hold") == gone


def test_keys_say_where_by_themselves(cli: CommandLine) -> None:
    dead(cli)  # it is not asked
    keys = cli("queue", "list", "--ids", code=1).out
    done = cli("queue", "hold", "-", "--yes", input=keys)
    assert {line.split()[0] for line in done.out.splitlines()} == cli.lying("hold") == set(keys.split())
    assert "gone" not in done.err
    key = min(cli.lying("hold"))
    cli("queue", "release", key)
    assert key not in cli.lying("hold")
    assert "no server is called 'mx9'" in cli("queue", "hold", "mx9/0123456789", code=2).err
    elsewhere = cli("--server", "mx1", "queue", "hold", "mx2/0123456789", code=2)
    assert "no server is called 'mx2'; there are: mx1" in elsewhere.err


def test_who_does_not_answer_is_told_and_holds_up_nobody(cli: CommandLine) -> None:
    dead(cli)
    listed = cli("queue", "list", "--ids", code=1)
    assert set(listed.out.split()) == cli.lying()
    assert "mtatui: gone: " in listed.err
    stats = cli("queue", "stats", "--json", code=1).json["servers"]
    assert "Postfix" in {one["server"]: one.get("error", "") for one in stats}["gone"]
    held = cli("--server", "all", "queue", "hold", "--filter", "to:full-0", "--yes", code=1)
    assert len(cli.lying("hold")) == 2
    assert "mtatui: gone: " in held.err
    cli("--server", "gone,mx1", "queue", "flush", code=1)
    assert "Postfix" in cli("--server", "gone", "queue", "list", code=4).err
    put_server(cli.config, ServerEntry("lost", "localhost", config_directory=str(cli.home / "lost")))
    nobody = cli("--server", "gone,lost", "queue", "list", code=4)
    assert "gone: " in nobody.err
    assert "lost: " in nobody.err
    found = cli("history", "list", code=1)
    assert "mtatui: lost: " in found.err


def test_the_other_looks(cli: CommandLine) -> None:
    services = cli("services", "--json").json["servers"]
    assert [one["server"] for one in services] == list(NAMES)
    assert all(one["services"][0]["name"] == "postfix" for one in services)
    table = cli("services").out.splitlines()
    assert [line.split()[:2] for line in table if " postfix " in line] == [
        [name, "postfix"] for name in NAMES
    ]

    doctor = cli("doctor", "--json").json["servers"]
    for one in doctor:
        levels = {finding["check"]: finding["level"] for finding in one["findings"]}
        assert levels["postfix"] == levels["running"] == levels["queue"] == "ok"
        assert any("3 messages" in finding["found"] for finding in one["findings"])
    assert [line for line in cli("doctor").out.splitlines() if line in NAMES] == list(NAMES)

    shown = cli("settings", "show", "outbound.myhostname", "--json").json
    assert all(name in json.dumps(shown) for name in NAMES)

    flushed = cli("--server", "all", "queue", "flush", "--site", "full.test")
    assert "Postfix on mx1, mx2 was asked to try what waits for full.test now." in flushed.err


def test_the_doctor_knows_that_a_server_is_far(
    tmp_path: Path, make_postfix: Callable[..., PostfixInstance]
) -> None:
    cli = CommandLine(tmp_path, {name: make_postfix() for name in ("bare", "nobody")})
    with Sshd(python=False) as bare, Sshd(login=NOBODY) as nobody:
        for name, sshd in (("bare", bare), ("nobody", nobody)):
            sshd.alias(name)
            directory = str(cli.instances[name].config)
            put_server(cli.config, ServerEntry(name, name, config_directory=directory))
        config = tmp_path / "ssh_config"
        config.write_text(bare.config.read_text() + nobody.config.read_text())
        save(cli.config, ("ssh_config",), str(config))
        looked = {one["server"]: one["findings"] for one in cli("doctor", "--json", code=1).json["servers"]}
    without = {finding["check"]: finding for finding in looked["bare"]}
    assert "no Python" in without["limits"]["found"]
    assert not {"python", "services", "sudo", "root"} & without.keys()
    assert "without Python: retry times" in without["queue"]["found"]
    (lines,) = (finding["advice"] for finding in looked["nobody"] if finding["check"] == "root")
    assert lines.startswith("nobody ALL=(root) NOPASSWD: /usr/sbin/postsuper")
    assert "/usr/bin/python3" in lines
    assert str(ROOT) not in json.dumps(looked["nobody"])  # nothing of this machine's


def test_servers_are_listed_and_checked(cli: CommandLine) -> None:
    listed = cli("servers", "list", "--json").json
    assert [(one["name"], one["tags"]) for one in listed] == [(name, [f"t-{name}"]) for name in NAMES]
    checked = cli("servers", "check", "--json").json["servers"]
    assert [one["server"] for one in checked] == list(NAMES)
    for one in checked:
        assert {finding["check"] for finding in one["findings"]} >= {"reach", "postfix", "queue"}
    dead(cli)
    told = cli("servers", "check", "gone", "mx1", code=1)
    assert [line for line in told.out.splitlines() if not line.startswith((" ", "✓", "·", "!", "✖"))] == [
        "mx1", "gone"
    ]  # fmt: skip
    assert "✖ postfix" in told.out
