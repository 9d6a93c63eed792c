"""What the program hears: the log of a Postfix whose daemons die, a command's answer, the person's wish."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtatui.backends.transaction import maillog, master, run
from mtatui.backends.transaction.tell import Cancelled, Stop, Teller, Wish, words

# -- the log -------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Path]:
    """A queue directory whose master runs: it is us."""
    (tmp_path / "pid").mkdir()
    with (tmp_path / "pid" / "master.pid").open("w") as file:
        file.write(f"{os.getpid():10d}\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        yield tmp_path


def test_whether_the_master_runs(queue: Path, tmp_path: Path) -> None:
    program = "import sys; sys.path.insert(0, sys.argv[1]); from mtatui.backends.transaction import master; "
    program += "print(master.pid(sys.argv[2]))"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(root), str(queue)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == os.getpid()
    assert master.pid(str(tmp_path / "elsewhere")) == 0


def test_a_lock_that_nobody_holds_is_no_master(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "master.pid").write_text("12345\n")
    assert master.pid(str(tmp_path)) == 0


def log(queue: Path, before: str = "") -> tuple[maillog.Log, Path]:
    path = queue / "maillog"
    path.write_text(before)
    return maillog.log(str(queue), str(path)), path


def add(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"Nov 22 20:15:42 mx {line}\n" for line in lines)


def died(name: str, pid: int, how: str = "exit status 1") -> str:
    return f"postfix/master[{os.getpid()}]: warning: process /usr/lib/postfix/sbin/{name} pid {pid} {how}"


def test_a_daemon_that_dies_is_told_with_its_reason(queue: Path) -> None:
    heard, path = log(queue)
    assert heard.deaths() == []
    add(path, "postfix/smtpd[4242]: fatal: bad boolean configuration: x = maybe", died("smtpd", 4242))
    assert heard.deaths() == ["smtpd died (fatal: bad boolean configuration: x = maybe)"]
    assert heard.deaths() == ["smtpd died (fatal: bad boolean configuration: x = maybe)"]


def test_one_that_has_not_ended_yet_is_known_by_its_parent(queue: Path) -> None:
    """A fatal error is logged a second before the process ends."""
    heard, path = log(queue)
    child = subprocess.Popen(["sleep", "60"])
    add(path, f"postfix/qmgr[{child.pid}]: fatal: invalid queue_run_delay: 0 (min 1)")
    try:
        assert heard.deaths() == ["qmgr died (fatal: invalid queue_run_delay: 0 (min 1))"]
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize(
    "line",
    [
        "postfix/sendmail[999999999]: fatal: Recipient addresses must be specified on the command line",
        "postfix-out/smtpd[999999999]: fatal: somebody else's",
        "postfix/smtpd[1]: warning: hostname does not resolve",
        "dovecot[1]: fatal: nothing of ours",
    ],
)
def test_what_is_not_ours_is_not_told(queue: Path, line: str) -> None:
    heard, path = log(queue)
    add(path, line)
    assert heard.deaths() == []


def test_what_dies_anyway_is_not_told(queue: Path) -> None:
    usual = f"Nov 22 20:15:00 mx {died('spawn', 77)}\n"
    heard, path = log(queue, usual)
    add(path, "postfix/spawn[4243]: fatal: no such file", died("spawn", 4243))
    assert heard.deaths() == []


def test_what_died_of_an_earlier_configuration_is(queue: Path) -> None:
    earlier = (
        f"Nov 22 x mx {died('qmgr', 77)}\nNov 22 x mx postfix/master[{os.getpid()}]: reload -- version 3\n"
    )
    heard, path = log(queue, earlier)
    add(path, "postfix/qmgr[4243]: fatal: again", died("qmgr", 4243))
    assert heard.deaths() == ["qmgr died (fatal: again)"]


def test_a_crash_has_no_last_words(queue: Path) -> None:
    heard, path = log(queue)
    add(path, died("cleanup", 4244, "killed by signal 11"))
    assert heard.deaths() == ["cleanup died (killed by signal 11)"]


def test_a_log_that_was_rotated_or_is_not_there(queue: Path) -> None:
    heard, path = log(queue, "old\n" * 10)
    path.rename(path.with_suffix(".1"))
    assert heard.deaths() == []
    add(path, "postfix/smtpd[4245]: fatal: new file", died("smtpd", 4245))
    assert heard.deaths() == ["smtpd died (fatal: new file)"]
    assert maillog.log(str(queue), str(queue / "none")).deaths() == []


def test_what_a_checked_program_complains_of(queue: Path) -> None:
    heard, path = log(queue)
    add(path, "postfix/smtpd[999999999]: fatal: bad boolean configuration: x = maybe")
    assert heard.deaths() == []
    assert heard.complaints() == ["fatal: bad boolean configuration: x = maybe"]


def test_a_log_that_is_no_file_is_not_read(queue: Path) -> None:
    """As /dev/stdout in containers: that would be our own."""
    assert maillog.log(str(queue), "/dev/stdout").deaths() == []
    os.mkfifo(queue / "fifo")
    assert maillog.log(str(queue), str(queue / "fifo")).deaths() == []


@pytest.fixture
def journal(queue: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal, played: the lines of a file, with the number of the last one for a cursor."""
    lines = queue / "journal"
    lines.write_text("")
    script = queue / "journalctl"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"*--after-cursor=*) n=${{*##*=n}}; tail -n +$((n + 1)) {lines};;\n"
        f"*--until=*) head -n 2 {lines};;\n"
        f'*) tail -n 1 {lines}; echo "-- cursor: n$(wc -l < {lines})";;\n'
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setitem(run.ENVIRONMENT, "PATH", f"{queue}:/usr/bin:/bin")
    monkeypatch.setattr(os, "environ", {**os.environ, "PATH": f"{queue}:/usr/bin:/bin"})
    monkeypatch.setattr(maillog, "JOURNAL", str(queue))
    monkeypatch.setattr(maillog, "PACE", 0.0)
    return lines


def test_the_journal_tells_it_too(queue: Path, journal: Path) -> None:
    add(journal, died("spawn", 41), f"postfix/qmgr[{os.getpid()}]: fatal: before")
    heard = maillog.log(str(queue), "")
    assert heard.deaths() == []
    add(journal, "postfix/spawn[42]: fatal: as ever", died("spawn", 42))
    add(journal, "postfix/smtpd[43]: fatal: bad boolean", died("smtpd", 43))
    assert heard.deaths() == ["smtpd died (fatal: bad boolean)"]


def test_a_journal_that_does_not_answer(queue: Path, journal: Path) -> None:
    (queue / "journalctl").unlink()
    assert maillog.log(str(queue), "").deaths() == []


# -- a command -----------------------------------------------------------------------------------------------


def test_it_believes_to_be_at_a_terminal() -> None:
    assert run.run(["test", "-t", "1", "-a", "-t", "2"], 5) == (0, "")


def test_both_channels_and_the_status() -> None:
    assert run.run(["sh", "-c", "echo out; echo err >&2; exit 3"], 5) == (3, "out\nerr\n")


def test_what_it_is_given() -> None:
    assert run.run(["cat"], 5, b"QUIT\r\n") == (0, "QUIT\n")


def test_it_takes_too_long() -> None:
    begun = time.monotonic()
    assert run.run(["sh", "-c", "echo begun; sleep 60"], 0.3) == (None, "begun\n")
    assert time.monotonic() - begun < 10


def test_what_it_leaves_behind_is_not_waited_for() -> None:
    begun = time.monotonic()
    assert run.run(["sh", "-c", "sleep 5 & echo done"], 30) == (0, "done\n")
    assert time.monotonic() - begun < 4


def test_endless_talk_is_cut() -> None:
    status, said = run.run(["sh", "-c", "yes | head -c 3000000"], 30)
    assert status == 0
    assert 0 < len(said) < 2 * run.LIMIT


def test_there_is_no_such_command() -> None:
    with pytest.raises(FileNotFoundError):
        run.run(["no-such-command"], 5)


def test_nothing_of_the_admins_shell_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_CONFIG", "/elsewhere")
    assert "MAIL_CONFIG" not in run.run(["env"], 5)[1]


# -- the person ----------------------------------------------------------------------------------------------


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ours, its = os.pipe()
    yield ours, its
    for fd in (ours, its):
        with open(os.devnull) as null:
            os.dup2(null.fileno(), fd)
        os.close(fd)


def test_a_request_and_then_silence(pipe: tuple[int, int]) -> None:
    wish = Wish(pipe[0])
    os.write(pipe[1], b'{"operation":"apply"}\n')
    assert wish.line() == b'{"operation":"apply"}'
    wish.check()


def test_to_stop_is_heard_even_behind_the_request(pipe: tuple[int, int]) -> None:
    wish = Wish(pipe[0])
    os.write(pipe[1], b"{}\ncan")
    wish.line()
    wish.check()
    os.write(pipe[1], b"cel\n")
    with pytest.raises(Cancelled, match="stopped on request"):
        wish.check()


def test_an_end_is_a_wish_to_stop(pipe: tuple[int, int]) -> None:
    wish = Wish(pipe[0])
    os.write(pipe[1], b"{}\n")
    wish.line()
    os.dup2(pipe[0], pipe[1])  # the last writer is gone
    with pytest.raises(Cancelled, match="is gone"):
        wish.check()
    wish.ignore()
    wish.check()


def test_a_signal_is_a_wish_to_stop(pipe: tuple[int, int]) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    wish = Wish(pipe[0])
    try:
        wish.heed_signals()
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(Cancelled, match="by signal 1"):
            wish.check()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_command_is_left_when_somebody_wishes_to_stop(pipe: tuple[int, int]) -> None:
    wish = Wish(pipe[0])
    os.write(pipe[1], b"{}\ncancel\n")
    wish.line()
    assert wish.cancelled()
    assert run.run(["sleep", "60"], 30, halt=wish.cancelled)[0] is None


def test_steps_are_told_line_by_line(pipe: tuple[int, int]) -> None:
    teller = Teller(pipe[1])
    with teller.telling("lock") as said:
        said.text = "fine"
    with pytest.raises(Stop), teller.telling("compare"):
        raise Stop("changed", "main.cf was changed meanwhile")
    told = [json.loads(line) for line in os.read(pipe[0], 4096).splitlines()]
    assert [(t["step"], t["state"], t["text"]) for t in told] == [
        ("lock", "begins", ""),
        ("lock", "done", "fine"),
        ("compare", "begins", ""),
        ("compare", "failed", "main.cf was changed meanwhile"),
    ]


def test_nobody_listens_any_more() -> None:
    ours, its = os.pipe()
    os.close(ours)
    Teller(its).step("lock", "begins")
    os.close(its)
    Teller(-1).step("lock", "begins")


def test_errors_in_words() -> None:
    assert words(OSError(28, "No space left on device", "/etc/x")) == "/etc/x: No space left on device"
    assert words(Stop("refused", "no")) == "no"
    assert words(KeyError("x")) == "KeyError: 'x'"
