"""The program itself in a real terminal, on the demo's bad day: hostile mail, lost lines, small screens."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.terminal import Screen, Terminal, stray_controls

ROOT = Path(__file__).parent.parent.parent
#: Bytes of the demo's hostile mail that `stray_controls` cannot tell from Textual's own.
HOSTILE = (b"\x1b]0;pwned", b"\x1b[31;5m")
LEFT, ESCAPE, QUIT = "\x1b[D", "\x1b", "\x11"


def program(home: Path, *arguments: str, columns: int = 120, lines: int = 40, **env: str) -> Terminal:
    """mtatui in a terminal, with a home of its own."""
    surroundings = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **env}
    argv = [sys.executable, "-m", "mtatui", *arguments]
    return Terminal(argv, columns=columns, lines=lines, cwd=str(ROOT), env=surroundings)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Terminal]:
    """The demo, ready for keys."""
    with program(tmp_path, "--demo") as terminal:
        ready(terminal)
        yield terminal


def ready(terminal: Terminal) -> None:
    """Wait until the queue is read, and its first page is there."""
    terminal.until(lambda screen: "live" in screen.lines[0] and "@" in screen.text, timeout=60)
    terminal.settle()


def matching(terminal: Terminal) -> int:
    """How many messages match the filter, once they have been found."""
    found: list[int] = []

    def narrowed(screen: Screen) -> bool:
        counts = re.search(r"([\d,]+) of ([\d,]+)", screen.lines[1])
        found[:] = [int(number.replace(",", "")) for number in counts.groups()] if counts else []
        return bool(found) and found[0] < found[1]

    terminal.until(narrowed)
    return found[0]


def look(terminal: Terminal, keys: str) -> None:
    """Press, and wait until what was asked for is there and has been shown."""
    terminal.press(keys)
    terminal.until(lambda screen: "reading…" not in screen.text)


#: A sequence of which not all has come yet: it is looked at when it has.
_UNFINISHED = re.compile(rb"\x1b(?:[\[\]][^a-zA-Z~\x07]*)?\Z")


def nothing_got_through(terminal: Terminal) -> None:
    """No control byte of a stranger has reached the terminal."""
    output = _UNFINISHED.sub(b"", bytes(terminal.output))
    assert stray_controls(output) == []
    assert [bytes for bytes in HOSTILE if bytes in output] == []


def descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended while we looked
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    todo = [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def gone(pids: list[int], seconds: float = 60) -> bool:
    """Whether none of these processes lives any more, or will in a moment."""
    deadline = time.monotonic() + seconds
    while alive := [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and _runs(pid)]:
        if time.monotonic() > deadline:
            print(f"still there: {alive}")
            return False
        time.sleep(0.02)
    return True


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# -- mail that was written to hurt


def test_the_whole_queue_can_be_walked_over(tmp_path: Path) -> None:
    with program(tmp_path, "--demo", columns=200, lines=60) as terminal:
        ready(terminal)
        terminal.press("vjj \r")  # the column of the states, too
        seen = ""
        for _ in range(60):
            terminal.press("\x1b[6~", quiet=0.03)
            if terminal.screen.text == seen:
                break
            seen = terminal.screen.text
        terminal.press("gG")
        nothing_got_through(terminal)
        assert terminal.wait(0) is None


@pytest.mark.parametrize(
    ("columns", "lines", "env"),
    [(120, 40, {}), (80, 24, {"TERM": "linux", "COLORTERM": ""})],
    ids=["xterm", "linux"],
)
def test_hostile_mail_can_be_read(tmp_path: Path, columns: int, lines: int, env: dict[str, str]) -> None:
    with program(tmp_path, "--demo", columns=columns, lines=lines, **env) as terminal:
        ready(terminal)
        terminal.press("/domain:hostile.example\r")
        number = matching(terminal)
        assert number >= 19
        terminal.press("\r")
        terminal.until("reCords")
        for section in "HABCL":
            look(terminal, section)
        # Every one of them where strangers write most freely: in the envelope, and in the raw bytes.
        for section, step in ("E", "J"), ("W", "K"):
            look(terminal, section)
            for _ in range(number - 1):
                look(terminal, step)
        nothing_got_through(terminal)
        look(terminal, ESCAPE)
        terminal.until("‖")
        terminal.send(QUIT)
        assert terminal.wait() == 0
        nothing_got_through(terminal)


def test_what_looks_like_markup_is_only_text(demo: Terminal) -> None:
    hurt = "[/x] [@click=app.quit]q[/] [red"
    demo.press(f"/{hurt}")
    demo.until(lambda screen: hurt in screen.lines[1])
    demo.press("\r")
    demo.press(ESCAPE)
    for command in (hurt, "filter {}", "sort {}", "columns {}", "copy {}", "flush {}", "saved {}", "tree {}"):
        demo.press(":" + command.format(hurt))
        demo.until(lambda screen: "[/x]" in screen.lines[-1])
        demo.press("\r")
        demo.press(ESCAPE)
        demo.press(ESCAPE)
    demo.press(":filter [/x]\r")
    demo.until(lambda screen: "[/x]" in screen.lines[1])
    demo.press(f":save-filter {hurt}\r")
    demo.until("Saved as [/x]")
    demo.press("f")
    demo.until("Saved filters")
    demo.press("\r")
    demo.press("\r")
    look(demo, "B")
    demo.press(f"/{hurt}\r")
    demo.until("Not found")
    demo.press("S")
    demo.press("\x15")
    demo.press(f"/nowhere/{hurt}\r")
    demo.until("No such file or directory")
    demo.press(ESCAPE)
    nothing_got_through(demo)
    assert demo.wait(0) is None


# -- a slow line


def test_what_is_typed_ahead_arrives_in_its_order(demo: Terminal) -> None:
    """All these letters are verbs where they do not belong; a slow line brings them in one piece."""
    demo.press("/hold delete release bounce\r")
    demo.until(lambda screen: "hold delete release bounce" in screen.lines[1])
    demo.press(ESCAPE)
    demo.until(lambda screen: "hold" not in screen.lines[1])
    demo.press(":filter state:hold\r")
    demo.until(lambda screen: "state:hold" in screen.lines[1])
    number = str(matching(demo))
    demo.press("*")
    demo.until(f"{number} marked")
    demo.send("d")
    demo.until(f"Type {number} to delete")
    demo.press(number)
    demo.until(f"[ {number}")
    demo.press(ESCAPE)
    demo.until("Nothing was done")
    demo.press("c")
    demo.until("Commands that ran")
    assert "postsuper" not in demo.screen.text


# -- leaving


def test_ctrl_z_does_nothing(demo: Terminal) -> None:
    demo.press("\x1a")
    state = Path(f"/proc/{demo.pid}/stat").read_text().rpartition(")")[2].split()[0]
    assert state in "SR"
    demo.press("?")
    demo.until("Keys and queries")
    demo.send(QUIT)
    assert demo.wait() == 0


def test_a_lost_terminal_ends_the_program_and_all_that_it_started(demo: Terminal) -> None:
    demo.press("h")  # so that there are hands, too
    demo.until("put on hold")
    children = descendants(demo.pid)
    assert len(children) >= 3
    demo.hang_up()
    assert demo.wait() == 0
    assert gone(children)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_and_leaves_the_terminal_in_order(demo: Terminal, number: int) -> None:
    children = descendants(demo.pid)
    os.kill(demo.pid, number)
    assert demo.wait() == 0
    assert gone(children)
    if number == signal.SIGTERM:
        demo.settle()
        assert b"\x1b[?1049l" in demo.output


def test_whenever_the_line_drops_nothing_is_left(tmp_path: Path) -> None:
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2, 0.4):
        with program(tmp_path, "--demo") as terminal:
            terminal.until(lambda screen: len(terminal.output) > 100, 60)
            deadline = time.monotonic() + delay
            while time.monotonic() < deadline:
                terminal.read(0.01)
            children = descendants(terminal.pid)
            terminal.hang_up()
            assert terminal.wait() is not None, f"it hangs when the line drops {delay} s after its begin"
            assert gone(children)


# -- terminals of all sizes


def test_resizing_like_mad_ends_in_a_whole_screen(demo: Terminal) -> None:
    for number in range(60):
        demo.resize(20 + number * 37 % 180, 5 + number * 13 % 60)
        demo.send("j")
        demo.read(0.005)
    demo.resize(50, 10)
    demo.until("mtatui needs 60 × 12; this is 50 × 10")
    demo.resize(120, 40)

    def whole(screen: Screen) -> bool:
        return "[Queue]" in screen.lines[0] and "Reason" in screen.lines[2] and "@" in screen.lines[30]

    demo.until(whole)
    demo.resize(80, 24)
    demo.resize(120, 40)  # the terminal has lost what was outside, though its size is what it was
    demo.until(whole)
    demo.press("?")
    demo.until("Keys and queries")


def test_sixteen_colours_are_enough(tmp_path: Path) -> None:
    with program(tmp_path, "--demo", columns=80, lines=25, TERM="linux", COLORTERM="") as terminal:
        ready(terminal)
        terminal.press("d")
        terminal.until("Delete 1 message")
        terminal.press(ESCAPE)
        output = bytes(terminal.output)
        assert b"38;2;" not in output
        assert b"48;2;" not in output
        assert b"38;5;" not in output


# -- no server


def test_no_postfix_is_said_in_words(tmp_path: Path) -> None:
    with program(tmp_path, "-c", str(tmp_path / "none")) as terminal:
        assert terminal.wait() == 4
        terminal.settle()
        said = terminal.output.decode()
    assert "No working Postfix" in said
    assert "Traceback" not in said
    assert "\x1b[?1049h" not in said  # no screen was opened
