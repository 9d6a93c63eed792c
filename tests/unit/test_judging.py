"""The program on the server that has a message judged: against daemons that answer, hang, and die."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.judging import commands, daemons, score, serve, virus
from mtatui.backends.judging.talk import LONGEST, Talk, Trouble

MESSAGE = b"Subject: x\n\n" + b"line\n" * 40_000
Manner = Callable[[socket.socket], None]


@contextlib.contextmanager
def daemon(*manners: Manner) -> Iterator[dict[str, Any]]:
    """A daemon that treats its first caller in the first way, the next one in the next."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for manner in manners:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):
                    manner(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield {"host": "127.0.0.1", "port": server.getsockname()[1]}


def says(answer: bytes, until: bytes = b"") -> Manner:
    """Hear something, to its end (or this), and answer."""

    def manner(connection: socket.socket) -> None:
        heard = b""
        while not heard.endswith(until) if until else not heard:
            heard += connection.recv(65536)
        connection.sendall(answer)

    return manner


def hangs(connection: socket.socket) -> None:
    connection.recv(1)
    while connection.recv(65536):
        pass


def dies(connection: socket.socket) -> None:
    connection.recv(100)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST, not FIN


def stands(connection: socket.socket) -> None:
    """Nothing is even read; the connection stays."""
    time.sleep(3)


VERSION = says(b"ClamAV 1.4.3/27500/Sun\0", b"\0")
END = b"\0\0\0\0"


def scan(*manners: Manner, limit: int = 0, patience: float = 10) -> dict[str, Any]:
    with daemon(*manners) as place:
        asked = {"place": place, "limit": limit, "patience": patience}
        return virus.scan(MESSAGE, asked, lambda doing: None)


@pytest.mark.parametrize(
    ("answer", "found", "trouble"),
    [
        (b"stream: OK\0", [], None),
        (b"stream: Eicar-Test.UNOFFICIAL FOUND\0", ["Eicar-Test.UNOFFICIAL"], None),
        (b"stream: \x1b[2J FOUND\0stream: B FOUND\0", ["\x1b[2J", "B"], None),
        (b"INSTREAM size limit exceeded. ERROR\0", None, "clamd says: INSTREAM size limit exceeded. ERROR"),
        (b"stream: Can't allocate memory ERROR\0", None, "clamd says: Can't allocate memory ERROR"),
        (b"\0", None, "clamd says: nothing"),
    ],
)
def test_what_clamd_says(answer: bytes, found: list[str] | None, trouble: str | None) -> None:
    said = scan(VERSION, says(answer, END))
    assert (said["version"], said.get("found"), said.get("trouble")) == (
        "ClamAV 1.4.3/27500/Sun",
        found,
        trouble,
    )


def test_clamd_answers_before_it_has_heard_all() -> None:
    said = scan(VERSION, says(b"INSTREAM size limit exceeded. ERROR\0"))
    assert "size limit exceeded" in said["trouble"]


def test_what_is_too_large_is_not_even_sent() -> None:
    assert scan(VERSION, limit=1000)["trouble"] == "too large"


def test_clamd_dies_while_it_scans() -> None:
    said = scan(VERSION, dies)
    assert said["trouble"] == (
        "clamd, at work on this message, hung up without an answer: it was stopped, or it died"
    )


@pytest.mark.parametrize("manner", [hangs, stands])
def test_clamd_hangs_while_it_scans(manner: Manner) -> None:
    assert scan(VERSION, manner, patience=0.5)["trouble"].startswith(
        "clamd, at work on this message, did not answer within 0.5 s"
    )


def test_clamd_does_not_even_greet() -> None:
    assert "did not answer within 0.3 s" in scan(hangs, patience=0.3)["trouble"]


def test_nobody_is_there() -> None:
    with daemon() as place:
        pass
    asked = {"place": place, "limit": 0, "patience": 5}
    assert virus.scan(b"", asked, print)["trouble"] == "clamd does not run: nobody listens there"
    asked["place"] = {"paths": ["/nowhere/clamd.ctl"]}
    assert virus.scan(b"", asked, print)["trouble"] == "clamd does not run: there is no such socket"


def test_one_that_does_not_stop_talking_is_left() -> None:
    with daemon(says(b"x" * (LONGEST + 70_000))) as place, pytest.raises(Trouble, match="stop talking"):
        Talk(place, 10).converse([b"zVERSION\0"])


# -- spamd ---------------------------------------------------------------------------------------------------

PONG = says(b"SPAMD/1.5 0 PONG\r\n", b"\r\n\r\n")
REPORT = (
    b"SPAMD/1.1 0 EX_OK\r\nContent-length: 60\r\nSpam: True ; 7.1 / 5.0\r\n\r\n"
    b" pts rule name\r\n 7.1 LOUD                   Shouts\r\n"
)


def scored(monkeypatch: pytest.MonkeyPatch, *manners: Manner, patience: float = 10) -> dict[str, Any]:
    """By a spamd of these manners; the command is there as well."""
    command = {"by": "the command", "points": 1.0, "required": 5.0, "summary": "", "scores": ""}
    monkeypatch.setattr(score, "_by_command", lambda message, patience: dict(command))
    monkeypatch.setattr(score, "QUICK", 0.5)
    with daemon(*manners) as place:
        monkeypatch.setattr(daemons, "spamds", lambda: ([place], False))
        return score.score(MESSAGE, {"size": 1000, "patience": patience}, lambda doing: None)


def test_what_spamd_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = scored(monkeypatch, PONG, says(REPORT, b"lin"))
    assert (said["points"], said["required"], said["notes"], said["cut"]) == (7.1, 5.0, [], True)
    assert "LOUD" in said["summary"]
    assert said["by"].startswith("spamd at 127.0.0.1:")


@pytest.mark.parametrize(
    ("manners", "note"),
    [
        ([stands], "spamd did not answer within 0.5 s"),
        ([says(b"220 smtp\r\n")], "spamd does not speak spamd's protocol"),
        ([PONG, dies], "spamd hung up without an answer"),
        (
            [PONG, says(b"SPAMD/1.0 76 Bad header line\r\n\r\n")],
            "spamd refuses: SPAMD/1.0 76 Bad header line",
        ),
        ([PONG, says(REPORT.replace(b" 7.1 LOUD", b"7,1 loud"))], "spamd names no rules"),
    ],
)
def test_where_spamd_does_not_the_command_does(
    monkeypatch: pytest.MonkeyPatch, manners: list[Manner], note: str
) -> None:
    said = scored(monkeypatch, *manners)
    assert said["by"] == "the command"
    assert said["notes"][0].startswith(note)


def test_spamd_hangs_over_this_very_message(monkeypatch: pytest.MonkeyPatch) -> None:
    said = scored(monkeypatch, PONG, hangs, patience=0.5)
    assert said["trouble"].startswith("spamd did not answer within 0.5 s")


# -- which spamd ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "place", "local"),
    [
        ("", {"host": "localhost", "port": 783}, False),
        ("-d -L", {"host": "localhost", "port": 783}, True),
        ("-dL -p 1783", {"host": "localhost", "port": 1783}, True),
        ("--local --listen 127.0.0.2:99 -u amavis", {"host": "127.0.0.2", "port": 99}, True),
        ("--listen=*:99", {"host": "127.0.0.1", "port": 99}, False),
        ("-i [::1]:99 -L", {"host": "::1", "port": 99}, True),
        ("-i", {"host": "127.0.0.1", "port": 783}, False),
        ("--socketpath=/run/spamd.sock -L", {"paths": ["/run/spamd.sock"]}, True),
        ("-i /run/spamd.sock", {"paths": ["/run/spamd.sock"]}, False),
        ("-u Larry -s /dev/L", {"host": "localhost", "port": 783}, False),
        ("-H /var/L --local", {"host": "localhost", "port": 783}, True),
        ("--listen ssl:127.0.0.1:783 -L", None, True),
    ],
)
def test_what_spamd_was_told(line: str, place: dict[str, Any] | None, local: bool) -> None:
    assert daemons.options(line.split()) == (place, local)


@given(st.lists(st.text("-LdiIup=ssl:[]*/783 ", max_size=9)))
def test_no_command_line_breaks_it(words: list[str]) -> None:
    daemons.options(words)


def machine(tmp_path: Path, cmdline: bytes, options: str, *, age: float = 60) -> tuple[str, str]:
    """A /proc with one spamd that was started a minute ago, and the file that says how."""
    proc, root = tmp_path / "proc", tmp_path / "root"
    (proc / "42").mkdir(parents=True)
    (proc / "42" / "cmdline").write_bytes(cmdline)
    ticks = os.sysconf("SC_CLK_TCK")
    (proc / "42" / "stat").write_text("42 (spamd) S " + "0 " * 18 + f"{40 * ticks} 0\n")
    (proc / "uptime").write_text("100.0 1.0\n")
    (root / "etc/default").mkdir(parents=True)
    file = root / "etc/default/spamd"
    file.write_text(f'# OPTIONS="--local"\nOPTIONS="{options}"\n')
    os.utime(file, (time.time() - age - 60, time.time() - age - 60))
    return str(proc), str(root)


HERE = {"host": "localhost", "port": 783}


def test_a_running_spamd_is_known_by_its_file(tmp_path: Path) -> None:
    assert daemons.spamds(*machine(tmp_path, b"spamd\0\0", "--create-prefs --local")) == ([HERE], False)


def test_one_that_asks_the_network_is_another(tmp_path: Path) -> None:
    assert daemons.spamds(*machine(tmp_path, b"spamd\0", "--create-prefs")) == ([], True)


def test_a_file_that_was_changed_since_proves_nothing(tmp_path: Path) -> None:
    assert daemons.spamds(*machine(tmp_path, b"spamd\0", "--local", age=-70)) == ([], True)


def test_its_own_command_line_counts_first(tmp_path: Path) -> None:
    cmdline = b"/usr/bin/perl\0-T\0-w\0/usr/sbin/spamd\0-L\0"
    assert daemons.spamds(*machine(tmp_path, cmdline, "")) == ([HERE], False)


def test_children_and_others_are_none(tmp_path: Path) -> None:
    assert daemons.spamds(*machine(tmp_path, b"spamd child\0", "-L")) == ([], False)
    assert daemons.spamds(*machine(tmp_path / "b", b"vi\0/etc/default/spamd.cf\0", "-L")) == ([], False)


def test_whoever_calls_his_process_spamd_gets_no_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = machine(tmp_path, b"spamd\0-L\0-p\09999\0", "")
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    os.chown(tmp_path / "proc/42", 4242, 4242) if os.getuid() == 0 else pytest.skip("needs root")
    assert daemons.spamds(*places) == ([], False)


# -- commands and messages -----------------------------------------------------------------------------------


def test_a_command_has_an_end_in_time_and_output() -> None:
    late = commands.run([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"], 0.5, 100)
    assert (late.late, late.out) == (True, b"1\n")
    cut = commands.run([sys.executable, "-c", "while True: print('x' * 999)"], 30, 5000)
    assert (cut.cut, len(cut.out)) == (True, 5000)
    deaf = commands.run([sys.executable, "-c", "print('done')"], 30, 100, input=b"x" * 10_000_000)
    assert (deaf.code, deaf.out) == (0, b"done\n")
    echo = commands.run(["cat"], 30, 1 << 20, input=b"x" * 300_000)
    assert (echo.code, len(echo.out)) == (0, 300_000)


@pytest.mark.parametrize(
    "name", ["-c", "../x", "/etc/passwd", "ABCDE/../../etc", "AB\nCDE", "/x/corrupt/../y", ""]
)
def test_only_messages_are_read(name: str) -> None:
    with pytest.raises(serve.Unread, match="not the name of a message"):
        serve.read({"name": name, "config": "", "most": 100})


def test_it_ends_when_nobody_waits_any_more(tmp_path: Path) -> None:
    """And takes with it what it has started: here a postcat that hangs."""
    postcat = tmp_path / "postcat"
    postcat.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    postcat.chmod(0o755)
    program = Path(serve.__file__).with_name("__main__.py")
    child = subprocess.Popen(
        [sys.executable, "-I", "-S", str(program)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        start_new_session=True,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(
        b'{"message": {"name": "ABCDEF", "config": "", "most": 9}, "virus": null, "spam": null}\n'
    )
    child.stdin.flush()
    until = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
    child.stdin.close()
    child.wait(20)
    assert child.stderr is not None
    child.stderr.close()
    pid = int((tmp_path / "pid").read_text())
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
