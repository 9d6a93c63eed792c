"""A host, wherever it is: what goes in and comes out, what is in its files, and that nothing is left running.

The same for this machine and for one that is reached through a real sshd.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mtatui.backends.host import File, Host, HostError, Missing, NotPermitted, ReadOnly, TimedOut
from mtatui.backends.host_local import LocalHost
from mtatui.backends.host_ssh import SshHost
from tests.stack.sshd import Sshd

Make = Callable[..., Host]


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd() as one:
        yield one


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.stack)])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make hosts of one kind; they are let go of after the test."""
    with ExitStack() as opened:

        def local(name: str = "mx1", *, read_only: bool = False) -> Host:
            return LocalHost(name, read_only=read_only)

        def ssh(name: str = "mx1", *, read_only: bool = False) -> Host:
            host: SshHost = request.getfixturevalue("sshd").host(name, read_only=read_only)
            opened.callback(host.close)
            return host

        yield local if request.param == "local" else ssh


@pytest.fixture
def host(make: Make) -> Host:
    return make()


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_output_errors_and_status_come_back(host: Host) -> None:
    completed = await host.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (completed.stdout, completed.stderr, completed.returncode) == (b"out\n", b"err\n", 3)
    assert not completed.cut
    assert host.log.entries[-1].returncode == 3
    assert host.log.entries[-1].duration is not None


async def test_environment_is_clean_and_the_session_its_own(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_CONFIG", "/nowhere")
    completed = await host.run(python("import os; print(os.getsid(0), *sorted(os.environ))"))
    session, *names = completed.stdout.decode().split()
    assert int(session) != os.getsid(0)
    assert "MAIL_CONFIG" not in names
    assert "LC_ALL" in names


async def test_streamed_input_reaches_the_command_as_it_comes(host: Host) -> None:
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
    await host.run(python(code), input=questions(), on_stderr=on_line)
    assert heard == [b"got one", b"got two"]


async def test_a_command_that_stops_reading_is_no_error(host: Host) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    completed = await host.run(python("print('enough')"), input=endless(), timeout=20)
    assert completed.stdout == b"enough\n"
    completed = await host.run(python("print('enough')"), input=b"x" * 10_000_000)
    assert completed.stdout == b"enough\n"


async def test_a_command_that_ends_does_not_wait_for_more_input(host: Host) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    completed = await host.run(python("print('done')"), input=never(), timeout=20)
    assert completed.returncode == 0


async def test_an_error_in_what_feeds_it_comes_out(host: Host) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x\n"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        await host.run(python("import sys; sys.stdin.read()"), input=broken())


async def test_last_line_without_newline_is_heard(host: Host) -> None:
    heard: list[bytes] = []
    await host.run(python("import sys; sys.stderr.write('a\\n\\nb')"), on_stderr=heard.append)
    assert heard == [b"a", b"", b"b"]


async def test_too_much_output_is_cut_and_the_command_stopped(host: Host) -> None:
    completed = await host.run(python("while True: print('x' * 1000)"), limit=5000, timeout=20)
    assert completed.cut
    assert len(completed.stdout) == 5000


@pytest.mark.parametrize("how", ["cancel", "timeout"])
async def test_nothing_is_left_running(host: Host, how: str) -> None:
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
    assert _gone(pids[1])  # the grandchild is reaped by init, in its own time


def _zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_read_only_refuses_changes_in_words_and_runs_the_rest(make: Make) -> None:
    host = make(read_only=True)
    with pytest.raises(ReadOnly, match="mx1 is open read-only"):
        await host.run(python("print(1)"), changes=True)
    with pytest.raises(ReadOnly):
        host.child(python("print(1)"), changes=True)
    assert (await host.run(python("print(1)"))).stdout == b"1\n"


async def test_what_is_not_there_or_not_allowed_is_said(host: Host, tmp_path: Path) -> None:
    with pytest.raises(Missing, match="no postnothing on mx1"):
        await host.run(["postnothing"])
    with pytest.raises(NotPermitted):
        await host.run([str(tmp_path)])
    for _ in range(2):
        assert host.can("sh")
        assert not host.can("postnothing")
        assert not host.can("amavisd-new-of-nowhere")


def test_child_answers_on_its_pipes(host: Host) -> None:
    child = host.child(python("print(input()[::-1])"))
    out, _ = child.communicate(b"abc\n", timeout=20)
    assert out == b"cba\n"
    assert child.returncode == 0


def test_children_are_ended_with_what_they_have_started(host: Host) -> None:
    for end in ("terminate", "kill"):
        child = host.child(["sh", "-c", "sleep 600 & echo $!; wait"])
        assert child.stdout is not None
        sleeping = int(child.stdout.readline())
        assert child.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.05)
        getattr(child, end)()
        assert child.wait(20) == -(signal.SIGTERM if end == "terminate" else signal.SIGKILL)
        assert _gone(sleeping)
        child.communicate()


def test_children_carry_any_bytes_in_both_directions_at_once(host: Host) -> None:
    data = os.urandom(3_000_000)
    child = host.child(["sh", "-c", "head -c 200000 /dev/zero >&2; exec cat"])
    out, err = child.communicate(data, timeout=60)
    assert out == data
    assert err == bytes(200_000)


async def test_many_commands_side_by_side_are_not_mixed_up(host: Host) -> None:
    done = await asyncio.gather(*(host.run(["echo", str(number)]) for number in range(30)))
    assert [completed.stdout for completed in done] == [b"%d\n" % number for number in range(30)]


async def test_words_reach_the_command_as_they_are(host: Host) -> None:
    """No shell takes them apart, wherever it would be."""
    words = [
        "a b",
        "$(id)",
        "`id`",
        "'",
        '"',
        "\\",
        ";",
        "&&",
        "|",
        "*",
        "~",
        "-",
        "",
        "ü€😀",
        "\x1b[31m",
        "a\nb",
    ]
    completed = await host.run(python("import os, sys; print(*map(os.fsencode, sys.argv[1:]))") + words)
    assert completed.stdout.decode().strip() == " ".join(str(word.encode()) for word in words)


async def test_files_are_told_apart_from_what_is_none(host: Host, tmp_path: Path) -> None:
    file, link, odd = tmp_path / "main.cf", tmp_path / "link", tmp_path / "b\tü\n"
    file.write_bytes(b"a = b\0\xff\n")
    file.chmod(0o640)
    link.symlink_to(file)
    odd.write_text("odd")
    found = await host.files(map(str, (file, link, odd, tmp_path, tmp_path / "nothing", file / "below")))
    one, same, strange = (found[str(path)] for path in (file, link, odd))
    assert isinstance(one, File)
    assert isinstance(same, File)
    assert isinstance(strange, File)
    assert (one.data, one.mode & 0o777, one.uid) == (b"a = b\0\xff\n", 0o640, os.getuid())
    assert one.tag == same.tag
    assert one.tag.size == 8
    assert one.tag.mtime_ns == file.stat().st_mtime_ns
    assert strange.data == b"odd"
    assert isinstance(found[str(tmp_path / "nothing")], Missing)
    assert isinstance(found[str(file / "below")], Missing)
    folder = found[str(tmp_path)]
    assert isinstance(folder, HostError)
    assert "no ordinary file" in str(folder)
    [briefly] = (await host.files([str(file)], contents=False)).values()
    assert isinstance(briefly, File)
    assert briefly.data == b""
    assert briefly.tag.size == 8
    assert await host.files([]) == {}
    assert await host.names(str(tmp_path)) == ("b\tü\n", "link", "main.cf")
    with pytest.raises(Missing):
        await host.names(str(tmp_path / "nothing"))


async def test_the_command_log_holds_what_was_run(host: Host) -> None:
    await host.run(["echo", "one"], note="the first")
    host.child(["echo", "two"]).communicate()
    with pytest.raises(Missing):
        await host.run(["postnothing"])
    mine = [entry for entry in host.log.entries if entry.note != "the connection"]
    assert [str(entry) for entry in mine][:2] == ["echo one   (the first)", "echo two   (stays)"]
    assert mine[0].returncode == 0
    assert mine[0].duration is not None


def _gone(pid: int) -> bool:
    """Whether it is gone, or will be in a moment."""
    for _ in range(200):
        if not alive(pid) or _zombie(pid):
            return True
        time.sleep(0.05)
    return False
