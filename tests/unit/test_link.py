"""A link to a real envoy: what commands do on its other end is what they do here."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtatui.backends import peek
from mtatui.backends.bundle import STUB, bundle
from mtatui.backends.envoy import wire
from mtatui.backends.link_channel import Channel
from tests.unit.envoys import ENVIRONMENT, Real, alive, real, until


@pytest.fixture(scope="module")
def envoy() -> Iterator[Real]:
    """A link that the tests of this module share."""
    with real() as one:
        yield one


def start(envoy: Real, *argv: str, changes: bool = False, compress: bool = False) -> Channel:
    return envoy.link.start(argv, env=ENVIRONMENT, changes=changes, compress=compress)


both = pytest.mark.parametrize("compress", [False, True], ids=["as it is", "compressed"])


def test_the_greeting_says_who_is_there(envoy: Real) -> None:
    assert (envoy.hello.uid, envoy.hello.python) == (os.getuid(), sys.version.split()[0])
    assert abs(envoy.hello.time - envoy.hello.heard) < 60


@both
@pytest.mark.parametrize("changes", [False, True])
def test_what_goes_in_and_what_comes_out(envoy: Real, compress: bool, changes: bool) -> None:
    for text in (b"", b"x", b"a\nb\nc", os.urandom(3_000_000), b"y" * 3_000_000):
        channel = start(envoy, "cat", changes=changes, compress=compress)
        assert channel.communicate(text, 60) == (text, b"")
        assert channel.returncode == channel.wait(5) == channel.poll() == 0


def test_errors_come_by_their_own_way_and_the_status_as_it_is(envoy: Real) -> None:
    channel = start(envoy, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert channel.communicate(None, 20) == (b"out\n", b"err\n")
    assert (channel.returncode, channel.cut, channel.error) == (7, False, 0)
    killed = start(envoy, "sh", "-c", "kill -9 $$")
    killed.communicate(None, 20)
    assert killed.returncode == -signal.SIGKILL


def test_the_end_is_told_after_all_that_was_said(envoy: Real) -> None:
    """Also by a child that goes on after the command itself has ended."""
    channel = start(envoy, "sh", "-c", "(sleep 0.3; echo late) & echo early")
    assert channel.communicate(None, 20) == (b"early\nlate\n", b"")


def test_what_cannot_be_started_says_why(envoy: Real, tmp_path: Path) -> None:
    (tmp_path / "no").write_text("")
    for argv, number in (
        (["no-such-command"], errno.ENOENT),
        ([str(tmp_path / "no")], errno.EACCES),
        (["echo", "a\0b"], errno.EINVAL),
    ):
        channel = start(envoy, *argv)
        assert not channel.begun(20)
        assert channel.communicate(None, 20) == (b"", os.strerror(number).encode() + b"\n")
        assert (channel.error, channel.returncode, channel.cut) == (number, 255, False)
    with pytest.raises(ValueError, match="fits"):
        start(envoy, "echo", "x" * 300_000)
    assert start(envoy, "echo", "still there").communicate(None, 20)[0] == b"still there\n"


def test_words_arrive_as_they_were_sent(envoy: Real) -> None:
    words = ["ünï", "$HOME `id`", "'\"", "a\nb", "", os.fsdecode(b"\xff\xfe")]
    out, _ = start(envoy, "printf", "%s|", *words).communicate(None, 20)
    assert out == b"".join(os.fsencode(word) + b"|" for word in words)


def test_only_the_environment_that_was_asked_for_and_a_session_of_its_own(envoy: Real) -> None:
    out, _ = start(envoy, "env").communicate(None, 20)
    assert dict(line.split("=", 1) for line in out.decode().splitlines()) == ENVIRONMENT
    program = (
        "import os; print(os.getsid(0) == os.getpid() == os.getpgrp(), os.getcwd(), "
        "len(os.listdir('/proc/self/fd')))"
    )
    out, _ = start(envoy, sys.executable, "-I", "-S", "-c", program).communicate(None, 20)
    assert out == b"True / 4\n"


@both
def test_who_reads_slowly_fills_nobody_and_holds_up_nobody(envoy: Real, compress: bool) -> None:
    before = envoy.link.received
    slow = start(envoy, "head", "-c", "20000000", "/dev/urandom", compress=compress)
    until(lambda: envoy.link.received - before >= wire.WINDOW - 140_000, "the window to be full")
    assert start(envoy, "echo", "quick").communicate(None, 20)[0] == b"quick\n"
    assert envoy.link.received - before < wire.WINDOW + 10_000
    assert len(slow.stdout.read()) == 20_000_000
    assert slow.wait(20) == 0
    assert envoy.link.closed is None


def test_two_hundred_megabytes_pass_in_little_memory(envoy: Real) -> None:
    channel = start(envoy, "head", "-c", "200000000", "/dev/zero", compress=True)
    before, heard = envoy.link.received, 0
    while data := channel.stdout.read1(1 << 20):  # type: ignore[attr-defined]  # a BufferedReader
        heard += len(data)
    assert heard == 200_000_000
    assert envoy.link.received - before < 2_000_000
    with open(f"/proc/{envoy.process.pid}/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    assert peak < 64 * 1024


def test_a_command_that_does_not_read_holds_up_only_who_writes_to_it(envoy: Real) -> None:
    channel = start(envoy, "sleep", "60")
    os.set_blocking(channel.stdin.fileno(), False)
    sent, before = 0, envoy.link.sent

    def full() -> bool:
        nonlocal sent
        try:
            sent += os.write(channel.stdin.fileno(), b"x" * 65536)
        except BlockingIOError:
            return envoy.link.sent - before >= wire.WINDOW
        return False

    until(full, "all to be full")
    assert sent <= wire.WINDOW + 2 * 65536
    assert start(envoy, "cat").communicate(b"meanwhile", 20)[0] == b"meanwhile"
    channel.kill()
    assert channel.wait(20) == -signal.SIGKILL


def test_what_is_not_read_is_taken_all_the_same(envoy: Real) -> None:
    """A command that closes its input and goes on does not hold up whoever still writes to it."""
    channel = start(envoy, "sh", "-c", "exec <&-; echo closed; sleep 0.5; echo over")
    assert channel.stdout.readline() == b"closed\n"
    channel.stdin.write(b"x" * 4_000_000)
    channel.stdin.close()
    assert channel.stdout.read() == b"over\n"
    assert channel.wait(20) == 0


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_signal_is_for_all_that_a_command_has_started(envoy: Real, how: str) -> None:
    channel = start(envoy, "sh", "-c", "sleep 60 & echo $!; wait")
    grandchild = int(channel.stdout.readline())
    getattr(channel, how)()
    assert channel.wait(20) < 0
    until(lambda: not alive(grandchild), "the grandchild to end")


def test_what_was_left_behind_by_a_command_that_has_ended_is_ended_with_it(envoy: Real) -> None:
    channel = start(envoy, "sh", "-c", "sleep 60 & echo $!")
    grandchild = int(channel.stdout.readline())
    time.sleep(0.1)
    assert channel.poll() is None  # its output is still open
    channel.kill()
    assert channel.wait(20) == 0
    until(lambda: not alive(grandchild), "the grandchild to end")


def test_who_kills_need_not_read(envoy: Real) -> None:
    channel = start(envoy, "yes")
    until(lambda: channel.begun(20), "it to begin")
    time.sleep(0.2)
    channel.kill()
    assert channel.wait(20) == -signal.SIGKILL


def test_a_command_whose_output_nobody_reads_ends_all_the_same(envoy: Real) -> None:
    channel = start(envoy, "sh", "-c", "head -c 5000000 /dev/zero; echo over >&2")
    channel.stdout.close()
    assert channel.stderr.read() == b"over\n"
    assert channel.wait(20) == 0


def test_that_output_was_closed_is_seen_before_the_end(envoy: Real) -> None:
    channel = start(envoy, "sh", "-c", "echo all; exec >&-; read line", compress=True)
    assert channel.stdout.read() == b"all\n"
    assert channel.poll() is None
    channel.stdin.close()
    assert channel.wait(20) == 1


def test_its_pipes_can_be_waited_for(envoy: Real) -> None:
    import select

    channel = start(envoy, "cat", compress=True)
    assert select.select([channel.stdout], [channel.stdin], [], 0) == ([], [channel.stdin], [])
    channel.stdin.write(b"hello\n")
    channel.stdin.flush()
    assert select.select([channel.stdout], [], [], 20)[0] == [channel.stdout]
    assert os.read(channel.stdout.fileno(), 99) == b"hello\n"
    channel.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        start(envoy, "sleep", "60").wait(0.01)
    assert channel.wait(20) == 0


def test_a_program_is_sent_once(envoy: Real, tmp_path: Path) -> None:
    program = bundle(peek.__file__)
    request = b'{"directory": "%s"}' % str(tmp_path).encode()
    costs = []
    for _ in range(3):
        before = envoy.link.sent
        argv = ["{python}", "-I", "-S", "-c", STUB]
        channel = envoy.link.start(argv, env=ENVIRONMENT, program=program)
        assert channel.communicate(request, 20) == (b'{"names": []}', b"")
        costs.append(envoy.link.sent - before)
    assert costs[0] > len(program.data) > 1000 > costs[1] == costs[2]


def test_questions(envoy: Real, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 100_000)
    path = str(tmp_path / "file")
    before = envoy.link.received
    answer = envoy.link.ask({"paths": [path, "/nowhere"], "contents": True}, 20)
    assert (answer[path]["size"], answer["/nowhere"]) == (100_000, {"errno": errno.ENOENT})
    assert envoy.link.received - before < 10_000
    assert envoy.link.ask({"directory": str(tmp_path)}, 20) == {"names": ["file"]}
    assert envoy.link.ask({"which": ["sh", "no-such-command"]}, 20) == ["sh"]


def test_many_at_once_from_many_threads(envoy: Real) -> None:
    heard: dict[int, bytes] = {}

    def work(number: int) -> None:
        data = b"%d\n" % number * 50_000
        heard[number] = start(envoy, "cat", compress=number % 2 == 0).communicate(data, 60)[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert heard == {number: b"%d\n" % number * 50_000 for number in range(20)}


def test_nothing_is_left_open(envoy: Real) -> None:
    def fds(pid: int | str) -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    start(envoy, "true").communicate(None, 20)
    here, there = fds("self"), fds(envoy.process.pid)
    for _ in range(10):
        start(envoy, "true", compress=True).communicate(b"x", 20)
        start(envoy, "no-such-command").communicate(b"x", 20)
    until(lambda: fds("self") <= here, "our pipes to be closed")
    assert fds(envoy.process.pid) <= there
