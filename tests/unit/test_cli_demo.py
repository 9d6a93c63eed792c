"""The command line on the demo server: what a person and a script see, and what is on disk afterwards."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.host_demo import DemoHost
from mtatui.cli.guard import guarded
from mtatui.cli.main import root
from mtatui.fleet import Fleet
from mtatui.server import Server

ROOT = Path(__file__).parents[2]


@dataclass
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Terminal(io.StringIO):
    """A keyboard or a screen."""

    def isatty(self) -> bool:
        return True


Cli = Callable[..., Said]


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoHost]:
    """One demo for all: it lives on meanwhile, so tests act on what is held, which stays where it is."""
    host = DemoHost()
    yield host
    host.close()


@pytest.fixture
def cli(demo: DemoHost, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command on the demo; ``keys`` are typed on a terminal, ``stdin`` is piped in."""
    monkeypatch.setattr(DemoHost, "close", lambda _: None)

    def run(*arguments: str, stdin: str = "", keys: str | None = None, read_only: bool = False) -> Said:
        monkeypatch.setattr(demo, "read_only", read_only)
        monkeypatch.setattr("mtatui.cli.gathering.open_fleet", lambda *_: Fleet([Server(demo)]))
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin) if keys is None else Terminal(keys))
        monkeypatch.setattr("sys.stderr.isatty", lambda: keys is not None)
        code = guarded(lambda: root.main(list(arguments), "mtatui", standalone_mode=False))
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return run


def held(cli: Cli, number: int) -> list[str]:
    return cli("queue", "list", "--state", "hold", "--ids", "--limit", str(number)).lines


def spool(demo: DemoHost, state: str) -> set[str]:
    return {name for _, _, names in os.walk(f"{demo.home}/spool/{state}") for name in names}


# --- looking ---


def test_list_for_people(cli: Cli) -> None:
    said = cli("queue", "list", "--filter", "state:hold", "--limit", "5")
    assert said.code == 0
    head, *rows = said.lines
    assert head.split() == ["ID", "State", "Age", "Size", "From", "To", "Retry", "Reason"]
    assert len(rows) == 5
    assert all(row.split()[1] == "hold" for row in rows)
    assert "5 of" in said.err


def test_list_for_programs(cli: Cli, demo: DemoHost) -> None:
    said = cli("queue", "list", "--state", "hold", "--json")
    messages = [json.loads(line) for line in said.lines]
    assert {m["id"] for m in messages} == spool(demo, "hold")
    assert all(m["retry"] is None for m in messages), "what is held is not tried"
    assert all(m["recipients"][0]["address"] for m in messages)
    assert said.out.isascii()


def test_list_in_order(cli: Cli) -> None:
    def sizes(sort: str) -> list[int]:
        said = cli("queue", "list", "--state", "hold", "--json", "--sort", sort, "--limit", "20")
        return [json.loads(line)["size"] for line in said.lines]

    assert sizes("size") == sorted(sizes("size"))
    assert sizes("-size") == sorted(sizes("-size"), reverse=True)


def test_hostile_text_of_the_demo_stays_text(cli: Cli) -> None:
    said = cli("queue", "list", "--sort", "id")
    assert all(line.isprintable() for line in said.lines)


def test_a_filter_with_a_mistake(cli: Cli) -> None:
    said = cli("queue", "list", "--filter", "state:hold (")
    assert (said.code, said.out) == (2, "")
    assert said.err.rstrip().endswith("^")


def test_a_state_does_not_widen_a_filter(cli: Cli) -> None:
    assert (
        cli("queue", "list", "--filter", "state:hold OR state:active", "--state", "corrupt", "--ids").out
        == ""
    )


def test_stats_agree_with_the_spool(cli: Cli, demo: DemoHost) -> None:
    stats = cli("queue", "stats", "--json").json
    assert stats["states"]["hold"] == len(spool(demo, "hold"))
    assert stats["messages"] == sum(n for state, n in stats["states"].items() if state != "trash")
    assert str(stats["states"]["hold"]) in cli("queue", "stats").out


def test_stats_by_facet_give_the_query_for_each_value(cli: Cli) -> None:
    values = cli("queue", "stats", "--by", "user", "--filter", "state:hold", "--json").json["values"]
    assert values
    for value in values:
        said = cli("queue", "list", "--filter", f"state:hold {value['query']}", "--ids")
        assert len(said.lines) == value["messages"]


def test_show_envelope_headers_body_raw(cli: Cli) -> None:
    (id,) = held(cli, 1)
    envelope = cli("queue", "show", id)
    assert f"id        {id}" in envelope.lines
    assert "state     hold" in envelope.lines
    assert any(line.lower().startswith("subject: ") for line in cli("queue", "show", id, "--headers").lines)
    assert cli("queue", "show", id, "--body").out.strip()
    document = cli("queue", "show", id, "--headers", "--json").json
    assert document["id"] == id
    assert "subject" in {name.lower() for name, _ in document["headers"]}
    assert cli("queue", "show", id, "--log").code == 0


def test_show_what_is_not_there(cli: Cli) -> None:
    said = cli("queue", "show", "FFFFFFFFFF")
    assert (said.code, said.out) == (1, "")
    assert "not in the queue" in said.err


def test_doctor_finds_nothing_wrong(cli: Cli) -> None:
    said = cli("doctor", "--json")
    found = {finding["check"]: finding for finding in said.json["findings"]}
    for check in ("postfix", "running", "rights", "python", "clock", "trash", "journal"):
        assert found[check]["level"] == "ok", found[check]
    assert "Postfix 3.7" in found["postfix"]["found"]
    people = cli("doctor")
    assert people.code == said.code
    assert "✓ running" in people.out


# --- acting ---


def test_delete_list_restore(cli: Cli, demo: DemoHost) -> None:
    ids = held(cli, 3)
    said = cli("queue", "delete", *ids, "--yes")
    assert said.code == 0
    assert [line.split()[:2] for line in said.lines] == [[id, "done"] for id in ids]
    assert "ran: postsuper" in said.err
    assert "3 deleted" in said.err
    assert not set(ids) & spool(demo, "hold")

    trash = [json.loads(line) for line in cli("queue", "trash", "list", "--json").lines]
    assert set(ids) <= {message["id"] for message in trash}
    assert set(ids) <= {line.split()[0] for line in cli("queue", "trash", "list").lines}

    back = cli("queue", "trash", "restore", *ids)
    assert back.code == 0, back.err
    assert set(ids) <= spool(demo, "hold")


def test_ids_from_standard_input_need_a_yes(cli: Cli, demo: DemoHost) -> None:
    ids = held(cli, 2)
    refused = cli("queue", "delete", "-", stdin="\n".join(ids))
    assert (refused.code, refused.out) == (3, "")
    assert "--yes" in refused.err
    assert set(ids) <= spool(demo, "hold")
    done = cli("queue", "delete", "-", "--yes", "--json", stdin="\n".join(ids))
    assert done.code == 0
    assert done.json["tally"]["done"] == 2
    assert not set(ids) & spool(demo, "hold")
    assert cli("history", "undo", done.json["entry"], "--yes").code == 0
    assert set(ids) <= spool(demo, "hold")


def test_some_targets_not_done(cli: Cli) -> None:
    (id,) = held(cli, 1)
    said = cli("queue", "hold", id, "FFFFFFFFFF", "--json")
    assert said.code == 1
    results = {r["id"]: r["result"] for r in said.json["receipts"]}
    assert results == {id: "done", "FFFFFFFFFF": "gone"}


def test_a_dry_run_changes_nothing(cli: Cli, demo: DemoHost) -> None:
    before = spool(demo, "hold")
    said = cli("queue", "delete", "--filter", "state:hold", "--dry-run", "--json")
    assert said.code == 0
    assert said.json["messages"] == len(before)
    assert said.json["commands"] == ["postsuper -d - hold deferred"]
    people = cli("queue", "delete", "--filter", "state:hold", "--dry-run").out
    assert "nothing was done" in people
    assert "postsuper -d -" in people
    assert spool(demo, "hold") == before


@pytest.mark.parametrize(
    "arguments",
    [[], ["3E383A8095A", "--filter", "age>1d"], ["--filter", " "], ["--filter", "age>"], ["ALL*"]],
)
def test_what_is_not_clear_is_not_done(cli: Cli, demo: DemoHost, arguments: list[str]) -> None:
    before = spool(demo, "hold")
    assert cli("queue", "delete", *arguments, "--yes").code == 2
    assert spool(demo, "hold") == before


def test_read_only_refuses(cli: Cli, demo: DemoHost) -> None:
    (id,) = held(cli, 1)
    for arguments in (["delete", id, "--yes"], ["deliver", id], ["flush"], ["trash", "empty", "--yes"]):
        said = cli("queue", *arguments, read_only=True)
        assert said.code == 3, arguments
        assert "read-only" in said.err
    assert id in spool(demo, "hold")


def test_nothing_matches_nothing_asked(cli: Cli) -> None:
    said = cli("queue", "delete", "--filter", "from:nobody@nowhere.invalid")
    assert said.code == 0
    assert "0 deleted" in said.err


# --- asking ---


def test_a_few_are_deleted_after_a_yes(cli: Cli, demo: DemoHost) -> None:
    (id,) = held(cli, 1)
    refused = cli("queue", "delete", id, keys="n\n")
    assert refused.code == 3
    assert "Delete 1 message" in refused.err
    assert id in spool(demo, "hold")
    assert cli("queue", "delete", id, keys="y\n").code == 0
    assert id not in spool(demo, "hold")


def test_many_want_their_number_typed(cli: Cli, demo: DemoHost) -> None:
    number = len(spool(demo, "hold"))
    assert number >= 100
    for keys in ("y\n", "\n", f"{number + 1}\n"):
        refused = cli("queue", "requeue", "--filter", "state:hold", keys=keys)
        assert refused.code == 3
        assert "recipients" in refused.err, "its blast radius is shown"
    assert len(spool(demo, "hold")) == number
    assert cli("queue", "hold", "--filter", "state:hold", keys=f"{number}\n").code == 0


def test_emptying_the_trash(cli: Cli) -> None:
    (id,) = held(cli, 1)
    cli("queue", "delete", id, "--yes")
    number = len(cli("queue", "trash", "list", "--json").lines)
    assert cli("queue", "trash", "empty").code == 3
    assert cli("queue", "trash", "empty", keys="no\n").code == 3
    assert cli("queue", "trash", "empty", "--json", keys=f"{number}\n").json["removed"] == number
    gone = cli("queue", "trash", "restore", id)
    assert gone.code == 1


# --- what was done ---


def test_history_tells_and_takes_back(cli: Cli, demo: DemoHost) -> None:
    (id,) = held(cli, 1)
    entry = cli("queue", "delete", id, "--json", "--yes").json["entry"]
    last = cli("history", "list", "--json").json[0]
    assert (last["entry"], last["verb"], last["tally"]["done"]) == (entry, "delete", 1)
    assert entry in cli("history", "list").lines[1]
    shown = cli("history", "show", "1", "--json").json
    assert shown["receipts"] == [{"id": id, "result": "done", "text": "deleted"}]
    assert f"{id}  done" in cli("history", "show", entry).out
    assert cli("history", "undo", "1").code == 3, "nobody to ask"
    assert cli("history", "undo", "1", keys="y\n").code == 0
    assert id in spool(demo, "hold")
    assert cli("history", "undo", "999", "--yes").code == 2


# --- as a program ---


def test_a_reader_that_leaves_is_no_error() -> None:
    """As in ``mtatui queue list | head -1``, with far more to say than fits a pipe."""
    with subprocess.Popen(
        [sys.executable, "-m", "mtatui", "--demo", "queue", "list", "--json"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"]
        process.stdout.close()
        assert process.wait(60) == 0
        assert b"Traceback" not in process.stderr.read()
