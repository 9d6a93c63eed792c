"""Applying a plan, from this side: the request, the steps, the outcome; and a program that does not answer.

No Postfix runs here; the program is the real one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mtatui.backends import applying, history
from mtatui.backends.applying import Applied, Ending, Step
from mtatui.backends.host import HostError, NotPermitted, ReadOnly, TimedOut, Unreachable
from mtatui.backends.host_local import LocalHost
from mtatui.backends.host_sudo import SudoHost
from mtatui.backends.request import request
from mtatui.settings.plan import Change, Command, Edit, Plan, Probe, Tag


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    """A configuration directory, with a queue directory beside it."""
    (tmp_path / "queue").mkdir()
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "main.cf").write_bytes(b"myhostname = mx.test\n")
    return etc


def queue(etc: Path) -> str:
    return str(etc.parent / "queue")


def kept(etc: Path, pattern: str) -> list[Path]:
    """The files of the history."""
    return [path for path in (etc.parent / "queue").rglob(pattern) if path.is_file()]


def plan(etc: Path, after: bytes = b"myhostname = mx.test\nx = y\n", *checks: Command) -> Plan:
    path = etc / "main.cf"
    data, info = path.read_bytes(), path.stat()
    tag = Tag(info.st_ino, info.st_mtime_ns, info.st_size, hashlib.sha256(data).hexdigest())
    return Plan(
        server="mx",
        changes=(Change("outbound.relay_login", "Relay login", "none", "ada, password set"),),
        words=("Mail goes out under a login.",),
        edits=(Edit(str(path), data, after, tag, secrets=("hunter2",)),),
        directory=str(etc),
        checks=checks,
        reload=(Command(("false",)),),
        probes=(Probe("smtp", "smtp", "127.0.0.1", 1),),
    )


async def apply(host: LocalHost, etc: Path, what: Plan, told: list[Step] | None = None) -> Applied:
    steps = told if told is not None else []
    return await applying.apply(host, queue(etc), what, who="ada", progress=steps.append)


async def test_what_does_not_run_is_neither_reloaded_nor_asked(etc: Path) -> None:
    told: list[Step] = []
    applied = await apply(LocalHost(), etc, plan(etc), told)
    assert applied.outcome is Ending.APPLIED
    assert (etc / "main.cf").read_bytes() == b"myhostname = mx.test\nx = y\n"
    assert tuple(told) == applied.steps
    assert [step.name for step in told if step.state == "begins"] == list(applying.STEPS)
    assert applied.cost > 0


async def test_a_password_stands_nowhere_but_in_the_files_themselves(etc: Path) -> None:
    host = LocalHost()
    applied = await apply(host, etc, plan(etc, b"password = hunter2\n"))
    assert applied.ok
    assert not any("hunter2" in word for command in host.log.entries for word in command.argv)
    assert not any("hunter2" in step.text + step.command for step in applied.steps)
    assert not [path for path in kept(etc, "*") if b"hunter2" in path.read_bytes()]


async def test_the_old_file_is_kept_for_root_only(etc: Path) -> None:
    (etc / "main.cf").write_bytes(b"password = hunter2\n")
    applied = await apply(LocalHost(), etc, plan(etc, b"password = other\n"))
    [old] = kept(etc, "before-*")
    assert old.read_bytes() == b"password = hunter2\n"
    assert old.stat().st_mode & 0o777 == 0o600
    assert await history.material(LocalHost(), queue(etc), applied.entry_id) == {
        str(etc / "main.cf"): b"password = hunter2\n"
    }


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (Command(("false",)), "false failed: exit status 1"),
        (Command(("sh", "-c", "echo warning: fine; echo fatal: bad x"), refuses="fatal"), "fatal: bad x"),
        (Command(("sleep", "9"), timeout=0.2), "did not end within 0.2 seconds"),
        (Command(("no-such-command",)), "no-such-command"),
        (Command(("grep", "-q", "x = z", "{stage}/main.cf")), "exit status 1"),
    ],
)
async def test_a_check_says_no(etc: Path, command: Command, words: str) -> None:
    applied = await apply(LocalHost(), etc, plan(etc, b"x = y\n", command))
    assert (applied.outcome, applied.exit_code) == (Ending.REFUSED, 3)
    assert words in applied.text
    assert (etc / "main.cf").read_bytes() == b"myhostname = mx.test\n"


async def test_the_stage_is_what_will_be(etc: Path) -> None:
    (etc / "large").write_bytes(b"x" * 1_000_000)
    (etc / "sub").mkdir()
    (etc / "sub" / "table").write_bytes(b"y\n")
    (etc / "nowhere").symlink_to("gone")
    look = 'cd "$1" && cat main.cf sub/table && test -L large && test ! -e nowhere && exit 3'
    command = Command(("sh", "-c", look, "sh", "{stage}"), refuses="nothing")
    applied = await apply(LocalHost(), etc, plan(etc, b"x = staged\n", command))
    assert "failed: x = staged; y" in applied.text
    assert kept(etc, "stage/*") == []


async def test_nothing_to_do_starts_nothing(etc: Path) -> None:
    host = LocalHost()
    empty = Plan("mx", (), (), (), str(etc))
    assert (await apply(host, etc, empty)).outcome is Ending.UNCHANGED
    assert list(host.log.entries) == []


async def test_both_versions_of_what_was_changed_meanwhile(etc: Path) -> None:
    mine = plan(etc)
    (etc / "main.cf").write_bytes(b"theirs\n")
    applied = await apply(LocalHost(), etc, mine)
    assert applied.outcome is Ending.CHANGED
    assert applied.versions == {str(etc / "main.cf"): (mine.edits[0].after, b"theirs\n")}
    (etc / "main.cf").unlink()
    applied = await apply(LocalHost(), etc, mine)
    assert applied.versions == {str(etc / "main.cf"): (mine.edits[0].after, None)}


async def test_what_others_say_is_fit_for_a_terminal(etc: Path) -> None:
    hostile = Command(("printf", r"\033[31mred\n"))
    applied = await apply(LocalHost(), etc, plan(etc, b"x = y\n", hostile))
    assert applied.ok
    assert not any("\033" in step.text for step in applied.steps)
    assert any("red" in step.text for step in applied.steps)


async def test_looking_only(etc: Path) -> None:
    with pytest.raises(ReadOnly):
        await apply(LocalHost(read_only=True), etc, plan(etc))


class Playing(LocalHost):
    """A host where something else than the program is started."""

    def __init__(self, script: str) -> None:
        super().__init__()
        self.script = script

    def command(self, argv: Sequence[str]) -> list[str]:
        return ["sh", "-c", self.script] if str(applying.PROGRAM) in argv else list(argv)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("read x; echo boom >&2; exit 1", Unreachable, "has died: boom"),
        ("exec true", Unreachable, "has died"),
        ("read x; echo hello", Unreachable, "not an answer"),
        ("read x; echo '[1]'", Unreachable, "not an answer"),
        ("echo 'sudo: a password is required' >&2; exit 1", NotPermitted, "sudo does not allow"),
        ("""read x; echo '{"failed":"no \\u001b room"}'""", HostError, "localhost: no"),
    ],
)
async def test_a_program_that_is_none(etc: Path, script: str, error: type[HostError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        await apply(Playing(script), etc, plan(etc))
    assert "\033" not in str(caught.value)


CUT = "echo the connection to mx1 was cut >&2; exit 255"
BEGUN = """read x; echo '{"entry":"E1","step":"reload","state":"begins","text":"","command":""}'; """


class InTurn(Playing):
    """A host where each time something else is started; the last one from then on."""

    def __init__(self, *scripts: str) -> None:
        super().__init__("")
        self.scripts = list(scripts)

    def command(self, argv: Sequence[str]) -> list[str]:
        if str(applying.PROGRAM) in argv:
            self.script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        return super().command(argv)


async def test_who_was_cut_off_is_asked_again_until_he_says_what_came_of_it(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "AGAIN", 0.0)
    settled = """read x; echo '{"result":{}}'"""
    ended = """read x; echo '{"result":{"state":{"outcome":"rolled back","text":"It is back."}}}'"""
    told: list[Step] = []
    applied = await apply(InTurn(BEGUN + CUT, CUT, CUT, settled, ended), etc, plan(etc), told)
    assert applied.outcome is Ending.ROLLED_BACK
    cut = "The connection to mx1 was cut while settings were changed there."
    assert applied.text.startswith(cut)
    assert applied.text.endswith("Its history says: It is back.")
    await asyncio.sleep(0)
    assert (told[-1].name, told[-1].state) == ("reload", "told")
    assert told[-1].text.startswith(cut)
    assert "goes back by itself" in told[-1].text


async def test_who_does_not_answer_any_more_after_a_cut_leaves_it_unknown(
    etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "FINDING_OUT", 0.0)
    monkeypatch.setattr(applying, "AGAIN", 0.0)
    with pytest.raises(applying.Unanswered) as caught:
        await apply(InTurn(BEGUN + CUT, CUT), etc, plan(etc))
    assert "The connection to mx1 was cut" in str(caught.value)
    assert "goes back by itself" in str(caught.value)
    assert "Look at entry E1 of its history" in str(caught.value)


async def test_a_cut_before_anything_was_begun_is_told_as_such(etc: Path) -> None:
    with pytest.raises(applying.Lost, match="The connection to mx1 was cut while settings were changed"):
        await apply(InTurn(CUT), etc, plan(etc))


async def test_a_program_that_falls_silent(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "SILENCE", 0.3)
    with pytest.raises(TimedOut, match="says nothing"):
        await apply(Playing("exec sleep 2"), etc, plan(etc))


async def test_who_looks_later_need_not_wait_for_a_slow_listener(etc: Path) -> None:
    """What is told is heard in order, whatever the listener does with it."""
    order: list[str] = []

    def slow(step: Step) -> None:
        order.append(f"{step.name} {step.state}")
        if len(order) == 1:
            raise RuntimeError("a screen that is gone")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    applied = await applying.apply(LocalHost(), queue(etc), plan(etc), who="ada", progress=slow)
    await asyncio.sleep(0)
    assert applied.ok
    assert order == [f"{step.name} {step.state}" for step in applied.steps]


def test_sudo_starts_the_program_and_not_what_it_starts(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    host = SudoHost(as_root=frozenset({"postfix", sys.executable}))
    assert host.command(applying.argv("/q"))[:3] == ["sudo", "-n", "--"]
    asked = request(host, plan(etc, b"", Command(("postfix", "check"))), "ada", None, "")
    assert asked["checks"][0]["argv"] == ["postfix", "check"]
    json.dumps(asked)


def test_the_program_needs_a_queue_directory() -> None:
    argv = applying.argv("relative")
    done = subprocess.run(argv, input=b"{}\n", capture_output=True, check=False)
    assert done.returncode == 2
    assert b"QUEUE_DIRECTORY" in done.stderr


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"nonsense\n", b'{"operation":"rm"}\n', b"\xff\n"])
def test_the_program_understands_only_requests(tmp_path: Path, line: bytes) -> None:
    done = subprocess.run(applying.argv(str(tmp_path)), input=line, capture_output=True, check=False)
    assert "not understood" in json.loads(done.stdout)["failed"]
    assert done.returncode == 1


def test_the_program_ends_without_a_request(tmp_path: Path) -> None:
    done = subprocess.run(applying.argv(str(tmp_path)), input=b"", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert list(tmp_path.iterdir()) == []


def test_exit_statuses_are_the_command_lines() -> None:
    codes = {ending: Applied(ending, "").exit_code for ending in Ending}
    assert {e for e, code in codes.items() if code == 0} == {
        Ending.APPLIED,
        Ending.UNCHANGED,
        Ending.AWAITING,
    }
    assert {e for e, code in codes.items() if code == 3} == {Ending.REFUSED, Ending.CHANGED}
    assert {e for e, code in codes.items() if code == 5} == {Ending.ROLLED_BACK, Ending.BROKEN}
