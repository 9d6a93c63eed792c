"""What really reaches a terminal: the bytes of a pty, read as a terminal would read them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.tui.terminal import Screen, Terminal, stray_controls

ROOT = Path(__file__).parent.parent.parent


def started(theme: str = "textual-dark", columns: int = 120, lines: int = 40) -> Terminal:
    """The program of all widgets, ready for keys."""
    argv = [sys.executable, "-m", "tests.tui.widgets_app", theme]
    terminal = Terminal(argv, columns=columns, lines=lines, cwd=str(ROOT))
    terminal.until("00000000000")
    terminal.settle()
    return terminal


@pytest.mark.parametrize(("theme", "columns", "lines"), [("textual-dark", 120, 40), ("ansi-dark", 80, 24)])
def test_no_raw_control_byte_reaches_the_terminal(theme: str, columns: int, lines: int) -> None:
    with started(theme, columns, lines) as terminal:
        for keys in ("j", "j", "\x1b[6~", "G", "\t", "j", "d", "3", "\x1b", "/", "x", "\x1b"):
            terminal.press(keys)
        assert "▶" in terminal.screen.text
        assert stray_controls(bytes(terminal.output)) == []
        assert b"\x1bc" not in terminal.output
        assert b"\x1b]9" not in terminal.output
        assert b"\x1b[5n" not in terminal.output
        terminal.send("\x11")
        assert terminal.wait() == 0


def test_a_step_costs_little_and_idleness_nothing() -> None:
    with started() as terminal:
        assert terminal.settle(quiet=1.0) == b""
        answers = [terminal.press("j", quiet=0.04) for _ in range(100)]
        assert all(answer.output for answer in answers)
        assert sum(len(answer.output) for answer in answers) / len(answers) <= 2500
        assert "00000000064" in terminal.screen.text


def test_a_dropped_line_ends_the_program() -> None:
    with started() as terminal:
        terminal.hang_up()
        assert terminal.wait() is not None


# -- the harness itself


def test_the_screen_reads_what_textual_writes() -> None:
    screen = Screen(10, 3)
    screen.feed("\x1b[?1049h\x1b[2;3H\x1b[1;38;2;1;2;3mab漢\x1b[0m\x1b[1;1Hx\n\x1b[3")
    screen.feed(";1Hlast\x1b]0;title\x07\x1b[?2026$p")
    assert screen.lines == ["x", "  ab漢", "last"]
    screen.feed("\x1b[3;2H\x1b[K")
    assert screen.lines[2] == "l"


@pytest.mark.parametrize(
    ("output", "strays"),
    [
        (b"\x1b[1;1H\x1b[38;2;1;2;3mtext\x1b[0m\r\n\x1b[?2026h\x1b[?25l", []),
        (b"\x1bc", ["U+001B"]),
        (b"\x1b[5n", ["U+001B"]),
        (b"\x1b]9;x\x07", ["U+001B", "U+0007"]),
        ("\x9b2J".encode(), ["U+009B"]),
        ("\u202e\u200b\u2028".encode(), ["U+202E", "U+200B", "U+2028"]),
        (b"\xff\x00", ["U+DCFF", "U+0000"]),
    ],
)
def test_strays_are_what_textual_never_writes(output: bytes, strays: list[str]) -> None:
    assert stray_controls(output) == strays


def test_a_program_that_does_not_start_is_told_from_one_that_does() -> None:
    with Terminal(["/bin/sh", "-c", "printf ready; read line; exit 3"]) as terminal:
        terminal.until("ready")
        assert terminal.wait(0) is None
        terminal.send("\n")
        assert terminal.wait() == 3
    with Terminal(["/nonexistent"]) as terminal:
        assert terminal.wait() == 127
        with pytest.raises(AssertionError, match="never came"):
            terminal.until("ready", timeout=0.5)
