"""The local host: what goes in and comes out, and that nothing is left running."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import pytest

from mtatui.backends.host import Missing, NotPermitted, ReadOnly, TimedOut
from mtatui.backends.host_local import LocalHost


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_output_errors_and_status_come_back() -> None:
    host = LocalHost()
    completed = await host.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (completed.stdout, completed.stderr, completed.returncode) == (b"out\n", b"err\n", 3)
    assert not completed.cut
    assert host.log.entries[-1].returncode == 3
    assert host.log.entries[-1].duration is not None


async def test_environment_is_clean_and_the_session_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_CONFIG", "/nowhere")
    completed = await LocalHost().run(python("import os; print(os.getsid(0), *sorted(os.environ))"))
    session, *names = completed.stdout.decode().split()
    assert int(session) != os.getsid(0)
    assert "MAIL_CONFIG" not in names
    assert "LC_ALL" in names


async def test_streamed_input_reaches_the_command_as_it_comes() -> None:
    heard: list[bytes] = []
    answered = asyncio.Event()

    def on_line(line: bytes) -> None:
        heard.append(line)
        answered.set()

    async def questions() -> AsyncIterator[bytes]:
        for word in (b"one\n", b"two\n"):
            answered.clear()
            yield word
            await asyncio.wait_for(answered.wait(), 10)

    code = (
        "import sys\n"
        "for line in iter(sys.stdin.readline, ''):\n"
        "    print('got', line, end='', file=sys.stderr, flush=True)"
    )
    await LocalHost().run(python(code), input=questions(), on_stderr=on_line)
    assert heard == [b"got one", b"got two"]


async def test_a_command_that_stops_reading_is_no_error() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    completed = await LocalHost().run(python("print('enough')"), input=endless(), timeout=20)
    assert completed.stdout == b"enough\n"
    completed = await LocalHost().run(python("print('enough')"), input=b"x" * 10_000_000)
    assert completed.stdout == b"enough\n"


async def test_a_command_that_ends_does_not_wait_for_more_input() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    completed = await LocalHost().run(python("print('done')"), input=never(), timeout=20)
    assert completed.returncode == 0


async def test_an_error_in_what_feeds_it_comes_out() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x\n"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        await LocalHost().run(python("import sys; sys.stdin.read()"), input=broken())


async def test_last_line_without_newline_is_heard() -> None:
    heard: list[bytes] = []
    await LocalHost().run(python("import sys; sys.stderr.write('a\\n\\nb')"), on_stderr=heard.append)
    assert heard == [b"a", b"", b"b"]


async def test_too_much_output_is_cut_and_the_command_stopped() -> None:
    completed = await LocalHost().run(python("while True: print('x' * 1000)"), limit=5000, timeout=20)
    assert completed.cut
    assert len(completed.stdout) == 5000


@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_nothing_is_left_running(how: str) -> None:
    """Not even what the command started itself, nor one that ignores a polite request."""
    pids: list[int] = []
    started = asyncio.Event()

    def on_line(line: bytes) -> None:
        pids.extend(map(int, line.split()))
        started.set()

    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), p.pid, file=sys.stderr, flush=True)\n"
        "time.sleep(600)"
    )
    host = LocalHost()
    running = asyncio.create_task(
        host.run(python(code), on_stderr=on_line, timeout=3 if how == "timeout" else 60)
    )
    if how == "cancel":
        await asyncio.wait_for(started.wait(), 20)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    else:
        with pytest.raises(TimedOut, match="did not end within 3 seconds"):
            await running
    assert len(pids) == 2
    assert not alive(pids[0])
    for _ in range(200):  # the grandchild is reaped by init, in its own time
        if not alive(pids[1]) or _zombie(pids[1]):
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("the grandchild lives on")


def _zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_read_only_refuses_changes_in_words_and_runs_the_rest() -> None:
    host = LocalHost("mx1", read_only=True)
    with pytest.raises(ReadOnly, match="mx1 is open read-only"):
        await host.run(python("print(1)"), changes=True)
    with pytest.raises(ReadOnly):
        host.child(python("print(1)"), changes=True)
    assert (await host.run(python("print(1)"))).stdout == b"1\n"


async def test_what_is_not_there_or_not_allowed_is_said(tmp_path: object) -> None:
    host = LocalHost("mx1")
    with pytest.raises(Missing, match="no postnothing on mx1"):
        await host.run(["postnothing"])
    with pytest.raises(NotPermitted):
        await host.run([str(tmp_path)])
    assert host.can("sh")
    assert not host.can("postnothing")


def test_child_answers_on_its_pipes() -> None:
    child = LocalHost().child(python("print(input()[::-1])"))
    out, _ = child.communicate(b"abc\n", timeout=20)
    assert out == b"cba\n"
    assert child.returncode == 0
