"""The command line apart from any server: its options, its last line of defence, its tables."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui import __version__
from mtatui.backends.host import NotPermitted, ReadOnly
from mtatui.cli import output
from mtatui.cli.gathering import chosen, open_fleet
from mtatui.cli.guard import Misused, Refused, guarded
from mtatui.cli.messages import checked, servers_named
from mtatui.cli.options import Options, quick
from mtatui.cli.output import Column
from mtatui.cli.session import query_of
from mtatui.config import Config, ServerEntry
from mtatui.fleet import Fleet
from mtatui.text import cells

ROOT = Path(__file__).parents[2]


def mtatui(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mtatui", *arguments],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


# --- as a program ---


def test_version() -> None:
    done = mtatui("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mtatui {__version__}\n", "")


def test_help_names_every_command() -> None:
    done = mtatui("--help")
    assert done.returncode == 0
    for command in ("queue", "settings", "history", "services", "service", "doctor"):
        assert f"\n  {command} " in done.stdout
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize("arguments", [["--nonsense"], ["nonsense"], ["queue", "list", "--sort", "colour"]])
def test_what_makes_no_sense_is_exit_code_2(arguments: list[str]) -> None:
    done = mtatui(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error" in done.stderr


@pytest.mark.parametrize("what", [["queue", "list"], ["queue", "stats"], ["queue", "list", "--json"]])
def test_a_full_disk_is_no_fault_of_ours_and_not_all_is_well(what: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mtatui", "--demo", *what],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "mtatui: standard output cannot be written: No space left on device" in done.stderr
    assert "fault" not in done.stderr
    assert "Exception" not in done.stderr


def test_an_option_in_the_wrong_place_is_told_where_it_goes() -> None:
    done = mtatui("queue", "list", "--demo")
    assert done.returncode == 2
    assert "--demo goes before the command: mtatui --demo" in done.stderr


def test_the_terminal_face_wants_a_terminal() -> None:
    done = mtatui("--demo")
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert done.stdout == ""


def test_the_terminal_face_wants_one_for_what_it_draws_on() -> None:
    """Else it would be drawn into a file, and the terminal stay dark."""
    far, near = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mtatui", "--demo"],
            cwd=ROOT, stdin=near, stdout=near, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(far)
        os.close(near)
    assert done.returncode == 2
    assert "draws on standard error" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_shell_is_told_how_a_line_may_go_on() -> None:
    words = "mtatui settings set inbound.reject_non_fqdn_sender=t"
    done = mtatui(_MTATUI_COMPLETE="zsh_complete", COMP_WORDS=words, COMP_CWORD="3")
    assert "inbound.reject_non_fqdn_sender=trial" in done.stdout.splitlines(), done.stderr


def test_no_postfix_is_said_in_words(tmp_path: Path) -> None:
    done = mtatui("-c", str(tmp_path), "queue", "list")
    assert done.returncode == 4
    assert "Postfix" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_nobody_configured(tmp_path: Path) -> None:
    done = mtatui("--server", "mx9", "queue", "list", XDG_CONFIG_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "'mx9'" in done.stderr


# --- options ---


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ([], Options()),
        (["--demo"], Options(demo=True)),
        (["-c", "/etc/postfix-out", "--read-only"], Options(config_dir="/etc/postfix-out", read_only=True)),
        (["--server", "mx1"], Options(server="mx1")),
        (["--hosts", "mx1,mx2", "--inventory", "hosts.ini"], Options(hosts="mx1,mx2", inventory="hosts.ini")),
    ],
)
def test_quick_options(arguments: list[str], meant: Options) -> None:
    assert quick(arguments) == meant


@pytest.mark.parametrize(
    "arguments", [["--version"], ["queue"], ["-c"], ["-c", "--demo"], ["--server=mx1"], ["--demo", "doctor"]]
)
def test_what_is_not_a_plain_start_is_left_to_click(arguments: list[str]) -> None:
    assert quick(arguments) is None


def test_the_server_of_the_config_file() -> None:
    config = Config(
        servers=(
            ServerEntry("in", config_directory="/etc/postfix-in"),
            ServerEntry("out", config_directory="/etc/postfix-out", sudo=True),
        ),
        read_only=True,
        trash_days=3,
    )
    both = open_fleet(Options(), config)
    assert [(server.name, server.config_directory) for server in both.servers] == [
        ("in", "/etc/postfix-in"),
        ("out", "/etc/postfix-out"),
    ]
    (named,) = open_fleet(Options(server="out"), config).servers
    assert (named.config_directory, named.keep_days) == ("/etc/postfix-out", 3)
    assert named.host.read_only
    for said, meant in (("/elsewhere", "/elsewhere"), ("etc", f"{Path.cwd()}/etc")):
        (alone,) = open_fleet(Options(config_dir=said), config).servers
        assert (alone.name, alone.config_directory) == ("in", meant)
    with pytest.raises(Misused, match="there are: in, out"):
        open_fleet(Options(server="middle"), config)
    with pytest.raises(Misused, match="-c is about one server"):
        open_fleet(Options(server="all", config_dir="/elsewhere"), config)
    twice = Config(servers=(ServerEntry("in"), ServerEntry("in", "mx.example")))
    with pytest.raises(Misused, match="two servers are called 'in'"):
        open_fleet(Options(), twice)


def test_a_directory_is_one_of_this_machine() -> None:
    far = Config(servers=(ServerEntry("far", host="mx.example"), ServerEntry("here", sudo=True)))
    (here,) = open_fleet(Options(config_dir="/elsewhere"), far).servers
    assert (here.name, here.far) == ("here", False)
    (there,) = open_fleet(Options(server="far", config_dir="/elsewhere"), far).servers
    assert (there.name, there.far, there.config_directory) == ("far", True, "/elsewhere")


def test_hosts_and_an_inventory_stand_in_for_the_config_file(tmp_path: Path) -> None:
    config = Config(servers=(ServerEntry("in"),))
    inventory = tmp_path / "hosts"
    inventory.write_text("[berlin]\nmx3 ansible_host=10.0.0.3\n")
    entries = chosen(Options(hosts="mx1,root@mx2.example.com", inventory=str(inventory)), config)
    assert [(e.name, e.host, e.tags) for e in entries] == [
        ("mx1", "mx1", ()),
        ("mx2.example.com", "root@mx2.example.com", ()),
        ("mx3", "10.0.0.3", ("berlin",)),
    ]
    assert [e.name for e in chosen(Options(server="@berlin", inventory=str(inventory)), config)] == ["mx3"]
    with pytest.raises(Misused, match="no such file"):
        chosen(Options(inventory=str(tmp_path / "nothing")), config)
    with pytest.raises(Misused, match="no host, nor user@host"):
        chosen(Options(hosts="mx1,-oProxyCommand=x"), config)


def test_the_instances_of_this_machine_where_none_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_in(fleet: Fleet) -> list[str]:
        fleet.servers[0].name = "postfix"
        fleet.add(ServerEntry("postfix-out", config_directory="/etc/postfix-out", tags=("out",)))
        return ["postfix-out"]

    monkeypatch.setattr("mtatui.fleet.instances.take_in", take_in)
    both = open_fleet(Options(), Config())
    assert [server.name for server in both.servers] == ["postfix", "postfix-out"]
    for said in ("postfix-out", "@out"):
        (out,) = open_fleet(Options(server=said), Config()).servers
        assert (out.name, out.part_name, out.config_directory) == ("postfix-out", "", "/etc/postfix-out")
    with pytest.raises(Misused, match="there are: postfix, postfix-out"):
        open_fleet(Options(server="mx1"), Config())
    # Not where somebody has said which, nor where the page is to be there at once.
    assert not open_fleet(Options(config_dir="/etc/postfix"), Config()).many
    assert not open_fleet(Options(), Config(servers=(ServerEntry("mx1"),))).many
    assert not open_fleet(Options(), Config(), instances=False).many


# --- queue IDs and filters ---


def test_the_server_may_stand_before_a_queue_id() -> None:
    assert checked(["mx1/3E383A8095A", "mx-2.b/3E383A8095A"]) == ["mx1/3E383A8095A", "mx-2.b/3E383A8095A"]
    assert servers_named(["b/3E383", "a/3E383", "b/4E383"]) == ["b", "a"]
    assert servers_named(["b/3E383", "4E383"]) is None


def test_queue_ids_short_and_long_each_once() -> None:
    assert checked(["3E383A8095A", "4jXyZ1zbCqz0Lm", "3E383A8095A"]) == ["3E383A8095A", "4jXyZ1zbCqz0Lm"]


@pytest.mark.parametrize(
    "word",
    [
        "ALL",
        "AB;CD1",
        "../etc",
        "--help",
        "12345 6",
        "",
        "ÄÖÜÄÖ",
        "12345\n",
        "/12345",
        "a/b/12345",
        "-a/12345",
    ],
)
def test_what_is_no_queue_id_stops_everything(word: str) -> None:
    with pytest.raises(Misused, match="not a queue ID; nothing was done"):
        checked(["3E383A8095A", word])


def test_a_mistake_in_a_filter_is_shown_at_its_place() -> None:
    with pytest.raises(Misused) as caught:
        query_of("state:hold colour:red")
    _, shown, marks = str(caught.value).split("\n")
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "colour"


@given(st.text(max_size=60))
def test_any_filter_is_a_query_or_a_mistake_with_a_caret(text: str) -> None:
    try:
        query_of(text)
    except Misused as error:
        *_, shown, marks = str(error).split("\n")
        assert set(marks) <= {" ", "^"}
        assert cells(marks) <= cells(shown) + 1
        assert all(char.isprintable() for char in shown)


# --- the last line of defence ---


@pytest.mark.parametrize(
    ("error", "code"),
    [(Refused("no"), 3), (Misused("no"), 2), (ReadOnly("no"), 3), (NotPermitted("no"), 4)],
)
def test_errors_are_words_and_a_code(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise error

    assert guarded(work) == code
    assert capsys.readouterr().err == "mtatui: no\n"


def test_what_a_stranger_wrote_into_an_error_does_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work() -> None:
        raise Refused("said \x1b[2J\u202e")

    guarded(work)
    assert not set("\x1b\u202e") & set(capsys.readouterr().err)


def test_a_fault_of_ours_goes_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def work() -> None:
        raise ValueError("a bug")

    assert guarded(work) == 70
    said = capsys.readouterr().err
    assert "Traceback" not in said
    (file,) = tmp_path.iterdir()
    assert str(file) in said
    assert "ValueError: a bug" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise click.Abort

    assert guarded(work) == 130
    assert "interrupted" in capsys.readouterr().err


# --- how it speaks ---


def test_a_table_is_aligned_and_clean(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = (Column("Name", 4, 20), Column("Size", 4, 8, "right"), Column("Reason", 6, 60))
    output.table(columns, [("日本", "1", "said \x1b[31m\nred"), ("x", "12345", "a" * 80)])
    lines = capsys.readouterr().out.split("\n")[:-1]
    assert [cells(line) <= 40 for line in lines] == [True] * 3
    assert lines[0].startswith("Name   Size  Reason")
    assert lines[1].startswith("日本      1  said ␛[31m␊red")
    assert lines[2].endswith("…")


def test_json_is_one_ascii_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.put_json({"sender": "jörg\u2028\x1b@x"})
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert json.loads(line) == {"sender": "jörg\u2028\x1b@x"}
