"""The terminal face on a real Postfix: what becomes of a large verb when the terminal or the program dies."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.demo.writer import Draft, To, postfix_owner, write
from tests.stack.postfix import PostfixInstance
from tests.tui.terminal import Screen, Terminal

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parent.parent.parent
MANY = 10_000
QUIT = "\x11"


class Desk:
    """An instance with many deferred messages."""

    def __init__(self, instance: PostfixInstance, number: int = MANY) -> None:
        self.instance = instance
        now, owner = time.time(), postfix_owner()
        self.ids = {
            write(
                instance.queue,
                Draft([To(f"r{n}@full.test", "mailbox full", "4.2.2")], sender=f"s{n % 50}@x.test",
                      arrival=now - n, retry=now + 9999),
                long_id=bool(n % 2),
                owner=owner,
            )
            for n in range(number)
        }  # fmt: skip

    @contextlib.contextmanager
    def mtatui(self, *arguments: str) -> Iterator[Terminal]:
        """The program on this instance, the queue before it."""
        argv = [sys.executable, "-m", "mtatui", "-c", str(self.instance.config), *arguments]
        with Terminal(argv, cwd=str(ROOT), env={"HOME": str(self.instance.root)}) as terminal:
            terminal.until(lambda screen: "live" in screen.lines[0], timeout=60)
            terminal.until(lambda screen: screen.lines[1].endswith(f" {len(self.waiting):,}"), timeout=60)
            yield terminal

    @property
    def waiting(self) -> set[str]:
        """What is in the queue."""
        return self.instance.queue_ids()

    @property
    def notes(self) -> list[dict[str, Any]]:
        """The lines of the journal."""
        path = self.instance.queue / "mtatui" / "journal"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """Those that tell how something ended; every intent has one."""
        outcomes = [note for note in self.notes if "outcome_of" in note]
        begun = [note["entry"] for note in self.notes if "entry" in note]
        assert [outcome["outcome_of"] for outcome in outcomes] == begun
        return outcomes

    @property
    def trash(self) -> set[str]:
        """What is in the trash."""
        path = self.instance.queue / "mtatui" / "trash"
        return set(os.listdir(path)) if path.exists() else set()

    @property
    def held(self) -> set[str]:
        """What is on hold."""
        return self.instance.queue_ids("hold")


@pytest.fixture
def desk(make_postfix: Callable[..., PostfixInstance]) -> Desk:
    """Ten thousand messages that wait."""
    return Desk(make_postfix())


def choose_all(terminal: Terminal, key: str) -> None:
    """Mark everything and choose a verb, up to the last key before it acts."""
    terminal.press("*")
    terminal.until(f"{MANY:,} marked")
    terminal.press(key)
    terminal.until(f"Type {MANY} to")
    terminal.press(str(MANY), timeout=60)
    terminal.press("\r", timeout=60)  # on to the button: what comes before it has got there acts on nothing


def under_way(screen: Screen) -> bool:
    """Whether something has been done, and not all."""
    words = screen.lines[-1].partition(f" of {MANY:,}")[0].split()
    return bool(words) and words[-1].replace(",", "").isdigit() and 0 < int(words[-1].replace(",", "")) < MANY


@pytest.mark.parametrize("how", ["hangup", "stalled", "SIGTERM"])
def test_a_large_delete_survives_its_terminal(desk: Desk, how: str) -> None:
    with desk.mtatui() as terminal:
        choose_all(terminal, "d")
        terminal.send("\r")
        if how == "stalled":  # nobody reads what it writes: the line is frozen, and then it drops
            desk.instance.wait_until(lambda: len(desk.trash) > 1000, "the first thousand")
        else:
            terminal.until(under_way)
        if how == "SIGTERM":
            os.kill(terminal.pid, signal.SIGTERM)
        else:
            terminal.hang_up()
        assert len(desk.outcomes if len(desk.notes) > 1 else []) == 0, "it was over before the line dropped"
        assert terminal.wait(60) == 0
    [outcome] = desk.outcomes
    assert not outcome["interrupted"]
    assert len(outcome["did"].split()) == MANY
    assert desk.trash == desk.ids
    assert desk.waiting == set()


def test_a_large_hold_survives_its_terminal(desk: Desk) -> None:
    with desk.mtatui() as terminal:
        choose_all(terminal, "h")
        terminal.send("\r")
        desk.instance.wait_until(lambda: bool(desk.held), "the first one on hold")
        terminal.hang_up()
        assert terminal.wait(60) == 0
    [outcome] = desk.outcomes
    assert set(outcome["did"].split()) == desk.held == desk.ids


def test_killed_in_the_middle_the_next_start_tells_what_was_done(desk: Desk) -> None:
    with desk.mtatui() as terminal:
        choose_all(terminal, "d")
        terminal.send("\r")
        desk.instance.wait_until(lambda: len(desk.trash) > 1000, "the first thousand")
        os.kill(terminal.pid, signal.SIGKILL)
        assert terminal.wait() == -signal.SIGKILL
    desk.instance.wait_until(lambda: not children_at(desk.instance.config), "the end of what it had started")
    assert [note for note in desk.notes if "outcome_of" in note] == []
    assert desk.waiting | desk.trash == desk.ids
    with desk.mtatui() as terminal:
        terminal.until("It was interrupted")
        assert len(desk.notes) == 2
        assert "Delete of 10,000 messages" in terminal.screen.text
        terminal.send("\x1b")
        terminal.until(lambda screen: "What happened" not in screen.text)
        terminal.send("o")
        terminal.until("Receipts")
        terminal.send(QUIT)
        assert terminal.wait() == 0
    [outcome] = desk.outcomes
    queued, trashed = desk.waiting, desk.trash
    assert outcome["interrupted"]
    assert set(outcome["did"].split()) == trashed
    assert queued | trashed == desk.ids
    assert not queued & trashed
    assert queued, "it was killed too late"


def children_at(config: Path) -> list[int]:
    """The postsupers that still work with this configuration."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended while we looked
            words = path.read_bytes().split(b"\0")
            if words[0] == b"postsuper" and str(config).encode() in words:
                found.append(int(path.parent.name))
    return found


def test_leaving_while_a_verb_runs_is_asked_about(desk: Desk) -> None:
    with desk.mtatui() as terminal:
        choose_all(terminal, "d")
        terminal.send("\r")
        terminal.until(under_way)
        terminal.press(QUIT)
        terminal.until("Something is still running")
        terminal.press("\x1b")
        terminal.until(lambda screen: "still running" not in screen.text)
        assert terminal.wait(0) is None
        terminal.press(QUIT)
        terminal.until("Wait and leave")
        terminal.press("\x1b[C")
        terminal.send("\r")
        assert terminal.wait(60) == 0
    [outcome] = desk.outcomes
    assert len(outcome["did"].split()) == MANY


def test_a_running_delete_can_be_stopped(desk: Desk) -> None:
    with desk.mtatui() as terminal:
        choose_all(terminal, "d")
        terminal.send("\r")
        terminal.until(under_way)
        terminal.send("\x1b")
        terminal.until("stopped half way")
        terminal.send(QUIT)
        assert terminal.wait() == 0
    [outcome] = desk.outcomes
    assert outcome["cancelled"]
    assert set(outcome["did"].split()) == desk.trash
    assert desk.trash | desk.waiting == desk.ids
    assert not desk.trash & desk.waiting


# -- without root


def for_anybody() -> list[str]:
    """A Python that any user may run, with mtatui's libraries in its path; skips where there is none."""
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    path = os.pathsep.join([str(ROOT), *(p for p in sys.path if p.endswith("site-packages"))])
    for python in (sys.executable, "/usr/bin/python3"):
        argv = [
            "env",
            f"PYTHONPATH={path}",
            "PYTHONDONTWRITEBYTECODE=1",
            "HOME=/nonexistent",
            python,
            "-m",
            "mtatui",
        ]
        if subprocess.run([*drop, *argv, "--version"], capture_output=True, check=False).returncode == 0:
            return argv
    pytest.skip("nobody may run neither this Python nor /usr/bin/python3 with these libraries")


def as_nobody(instance: PostfixInstance, *arguments: str, columns: int = 120) -> Terminal:
    """The program, started by a user who is nobody special."""
    argv: Sequence[str] = instance.as_user([*for_anybody(), *arguments])
    return Terminal(argv, cwd="/", columns=columns)


@pytest.mark.parametrize("columns", [80, 120])
def test_an_ordinary_user_can_look(busy_instance: PostfixInstance, columns: int) -> None:
    with as_nobody(busy_instance, columns=columns) as terminal:
        terminal.until(lambda screen: "live" in screen.lines[0])
        terminal.until(lambda screen: ("limited view" if columns > 100 else "no root") in screen.lines[0])
        terminal.until("mailbox full")
        terminal.settle()
        for key, verb in zip("hlrdb", ("Hold", "Release", "Requeue", "Delete", "Bounce"), strict=True):
            terminal.press(key)
            terminal.until(f"{verb}: only root may do that")
        terminal.press("\r")
        terminal.until("reCords")
        terminal.press("B")
        terminal.until("could not be read")
        terminal.press("\x1b")
        terminal.send(QUIT)
        assert terminal.wait() == 0


def test_a_user_who_may_not_even_look_is_told_so(make_postfix: Callable[..., PostfixInstance]) -> None:
    instance = make_postfix(authorized_mailq_users="root")
    with as_nobody(instance) as terminal:
        terminal.until("no answer since")
        terminal.until("authorized_mailq_users")
        terminal.send(QUIT)
        assert terminal.wait() == 0


def test_a_spool_that_is_not_there_is_told_in_words(postfix_instance: PostfixInstance) -> None:
    postfix_instance.halt()
    postfix_instance.configure(queue_directory="/nonexistent/queue")
    argv = [sys.executable, "-m", "mtatui", "-c", str(postfix_instance.config)]
    with Terminal(argv, cwd=str(ROOT)) as terminal:
        terminal.until("/nonexistent/queue")
        assert "Traceback" not in terminal.screen.text
        terminal.send(QUIT)
        assert terminal.wait() is not None
