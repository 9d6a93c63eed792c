"""The link is cut: what only looks ends, what changes something comes to its end, and nobody waits."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mtatui.backends import peek
from mtatui.backends.bundle import STUB, bundle
from mtatui.backends.envoy import wire
from mtatui.backends.link_channel import Channel
from tests.unit.envoys import ENVIRONMENT, ENVOY, Real, alive, begin, played, real, until


def start(envoy: Real, script: str, *, changes: bool) -> tuple[Channel, int]:
    """A shell at work on the other end, and its process."""
    argv = ["sh", "-c", "echo $$; " + script]
    channel = envoy.link.start(argv, env=ENVIRONMENT, changes=changes)
    return channel, int(channel.stdout.readline())


def gone(one: Real) -> None:
    """Wait for the envoy's end."""
    until(lambda: one.process.poll() is not None, "the envoy to end")


def test_what_only_looks_is_ended_and_the_envoy_ends() -> None:
    with real() as one:
        pids = [
            start(one, script, changes=False)[1]
            for script in (
                "sleep 60",
                "yes",
                "trap '' TERM; sleep 1; sleep 60",
                "exec <&- >&- 2>&-; sleep 60",
            )
        ]
        one.cut()
        gone(one)
        until(lambda: not any(map(alive, pids)), "all to end")


def test_what_changes_something_comes_to_its_end(tmp_path: Path) -> None:
    """With more to say than any pipe holds, and nobody to hear it."""
    with real() as one:
        script = f"read line; head -c 3000000 /dev/zero; echo bad >&2; sleep 0.3; echo $? > {tmp_path}/done"
        channel, pid = start(one, script, changes=True)
        one.cut()
        assert (channel.wait(5), channel.cut) == (255, True)
        assert channel.stderr.read() == b"cut\n"
        gone(one)
        assert (tmp_path / "done").read_text() == "0\n"
        assert not alive(pid)


def test_what_it_was_given_as_a_whole_is_passed_on_and_half_a_line_is_not(tmp_path: Path) -> None:
    with real() as one:
        channel, _ = start(one, f"sleep 0.2; cat > {tmp_path}/heard", changes=True)
        lines = b"".join(b"%08d\n" % number for number in range(20_000))
        channel.stdin.write(lines + b"0002")
        channel.stdin.flush()
        one.link.ask({"which": []}, 20)
        until(lambda: one.link.sent > len(lines), "all to be sent")
        one.link.ask({"which": []}, 20)
        one.cut()
        gone(one)
        assert (tmp_path / "heard").read_bytes() == lines


def test_a_program_that_has_not_come_as_a_whole_does_nothing(tmp_path: Path) -> None:
    """The first bytes of a program, of a request, of a frame: cut at each of them, nothing was begun; cut
    behind them, all is done."""
    digest, data = bundle(peek.__file__)
    wish: dict[str, object] = {"env": ENVIRONMENT, "program": None, "changes": True, "compress": False}
    sent = wire.frame(0, wire.PROGRAM, digest.encode() + data)
    looking = wish | {"argv": ["{python}", "-I", "-S", "-c", STUB], "program": digest}
    sent += wire.frame(1, wire.START, json.dumps(looking).encode())
    wish["argv"] = ["sh", "-c", f"read a b && echo $a $b >> {tmp_path}/done"]
    sent += wire.frame(2, wire.START, json.dumps(wish).encode())
    sent += wire.frame(2, wire.DATA, b"the who") + wire.frame(2, wire.DATA, b"le line\n")
    steps = [*range(0, len(sent), len(sent) // 12), len(sent) - 20, len(sent) - 1, len(sent)]
    for step in steps:
        process = begin()
        process.communicate(ENVOY.data + sent[:step], 20)
        assert process.returncode == 0, step
        assert (tmp_path / "done").exists() == (step == len(sent)), step
    assert (tmp_path / "done").read_text() == "the whole line\n"


def test_an_envoy_that_has_not_come_as_a_whole_ends() -> None:
    for length in (0, 3, 8, 500, len(ENVOY.data) - 1):
        process = begin()
        out, _ = process.communicate(ENVOY.data[:length], 20)
        assert (process.returncode, out) == (0, b"")


@pytest.mark.parametrize("nonsense", [b"\xff" * 9, wire.frame(1, wire.START, b"{}"), wire.frame(1, 7, b"[")])
def test_nonsense_is_an_end_for_the_envoy_too(nonsense: bytes, tmp_path: Path) -> None:
    with real() as one:
        _, pid = start(one, f"read line; sleep 0.3; touch {tmp_path}/done", changes=True)
        _, looking = start(one, "sleep 60", changes=False)
        assert one.process.stdin is not None
        os.write(one.process.stdin.fileno(), nonsense)
        gone(one)
        until(lambda: not alive(pid) and not alive(looking), "all to end")
        assert (tmp_path / "done").exists()
        until(lambda: one.link.closed, "it to be known here")


def test_an_envoy_that_dies_is_known_at_once() -> None:
    with real() as one:
        channel, _ = start(one, "sleep 60", changes=False)
        asking = one.link.put({"which": []})
        one.process.kill()
        assert (channel.wait(10), channel.cut) == (255, True)
        assert b"was cut" in channel.stderr.read()
        with suppress(ConnectionError):  # it may have been quick
            asking(10)
        with pytest.raises(ConnectionError, match="was cut"):
            one.link.ask({"which": []}, 10)


def test_who_is_waited_for_by_someone_who_writes_is_known_to_be_gone() -> None:
    with real() as one:
        channel, _ = start(one, "sleep 60", changes=False)
        writer = threading.Thread(target=lambda: _pour(channel))
        writer.start()
        until(lambda: one.link.sent > wire.WINDOW, "all to be full")
        one.process.kill()
        writer.join(10)
        assert not writer.is_alive()


def _pour(channel: Channel) -> None:
    try:
        while True:
            channel.stdin.write(b"x" * 65536)
    except OSError:
        return


def test_what_was_on_its_way_when_nothing_could_be_sent_any_more_is_heard() -> None:
    with played() as server:
        server.link.greet(ENVOY, 10)
        channel = server.link.start(["postsuper", "-h", "-"], env=ENVIRONMENT, changes=True)
        assert channel.poll() is None
        os.close(server.hears)
        server.write(wire.frame(1, wire.ERR, b"done\n") + wire.frame(1, wire.EXIT, wire.STATUS.pack(0)))
        server.link.put({"which": []})
        assert channel.communicate(None, 10) == (b"", b"done\n")
        assert (channel.returncode, channel.cut) == (0, False)
        until(lambda: server.link.closed, "the end to be known")


def test_what_was_not_passed_on_is_not_called_done() -> None:
    with played() as server:
        server.link.greet(ENVOY, 10)
        channel = server.link.start(["postqueue", "-j"], env=ENVIRONMENT)
        server.say(1, wire.OUT, b"x" * 250_000)
        server.say(1, wire.EXIT, wire.STATUS.pack(0))
        server.end()
        assert (channel.wait(10), channel.cut) == (255, True)
        assert len(channel.stdout.read()) < 250_000


def test_a_link_is_closed_from_many_threads_and_more_than_once() -> None:
    with real() as one:
        channel, _ = start(one, "sleep 60", changes=False)
        threads = [threading.Thread(target=one.link.close, args=("let go of",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        assert one.link.closed == "let go of"
        assert channel.wait(5) == 255


def test_the_envoy_does_not_die_of_signals_for_its_terminal(tmp_path: Path) -> None:
    with real() as one:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            one.process.send_signal(number)
        assert one.link.ask({"which": ["sh"]}, 20) == ["sh"]
        channel, _ = start(one, "kill -TERM $$; echo deaf", changes=False)
        assert channel.stdout.read() == b""  # and what it starts is not deaf
        assert channel.wait(10) == -signal.SIGTERM


def test_nobody_works_when_nothing_happens() -> None:
    def worked(pid: int) -> int:
        with open(f"/proc/{pid}/status") as file:
            return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)

    with real() as one:
        channel, _ = start(one, "cat", changes=False)
        time.sleep(0.3)
        before, sent = worked(one.process.pid), one.link.sent
        assert not select.select([channel.stdout], [], [], 2)[0]
        assert worked(one.process.pid) - before <= 1
        assert one.link.sent == sent


def test_the_guard_of_a_change_outlives_the_envoy(tmp_path: Path) -> None:
    """What has forked, and has a session and channels of its own, is left alone."""
    program = (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid(); os.write(1, b'1\\n')\n"
        "    null = os.open('/dev/null', os.O_RDWR)\n"
        "    for fd in (0, 1, 2): os.dup2(null, fd)\n"
        f"    time.sleep(1); open('{tmp_path}/guarded', 'w')\n"
        "else:\n"
        "    time.sleep(60)"
    )
    with real() as one:
        argv = [sys.executable, "-I", "-S", "-c", program]
        channel = one.link.start(argv, env=ENVIRONMENT, changes=False)
        assert channel.stdout.readline() == b"1\n"
        one.cut()
        gone(one)
        until((tmp_path / "guarded").exists, "the guard")
