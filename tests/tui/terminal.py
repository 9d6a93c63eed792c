"""A real terminal for a program under test: a pty, a small screen that reads what comes, and a stopwatch.

`Terminal` starts a program in a pty, sends keys, and keeps every byte that comes back. `Screen` understands
what Textual writes (cursor moves, text, erasing) and so says what a person would see. `stray_controls` finds
what Textual would never write itself: text of strangers that got through raw.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from mtatui.text import cells

# What Textual 8 writes of its own: cursor moves, erasing, styles, modes and their queries, keyboard protocol,
# cursor shape, window title and clipboard. Nothing else is expected.
_OWN = re.compile(
    r"""\x1b\[ (?: [0-9;:]*[mHfABCDGJKrd] | \?[0-9;]+(?:\$p|[hlu]) | [<>=]?[0-9;]*u | [0-9]*\ q | 6n | c )
      | \x1b[78=>]
      | \x1b\](?:52;[^\x07\x1b]*|0;[^\x07\x1b]*|22;[^\x07\x1b]*)(?:\x07|\x1b\\)
      | [\r\n]""",
    re.VERBOSE,
)
_SEQUENCE = re.compile(r"\x1b\[([0-9;:?<>=]*)([ -/]*[@-~])|\x1b[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]P]")


def stray_controls(output: bytes) -> list[str]:
    """What is in the output that neither is printable text nor something Textual writes of its own accord.

    A test with hostile data should use sequences that Textual never writes: ``ESC c``, ``ESC ] 9 ;``, C1,
    bidi controls. Bytes that are not UTF-8 are strays, too.
    """
    text = output.decode("utf-8", "surrogateescape")
    strays = [c for c in _OWN.sub("", text) if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    return [f"U+{ord(c):04X}" for c in strays]


class Screen:
    """The cells of a terminal, as far as Textual's own output needs one."""

    def __init__(self, columns: int, lines: int) -> None:
        self.resize(columns, lines)
        self._rest = ""

    def resize(self, columns: int, lines: int) -> None:
        """Begin anew at another size."""
        self.columns, self.height = columns, lines
        self._x = self._y = 0
        self._cells = [[" "] * columns for _ in range(lines)]

    @property
    def lines(self) -> list[str]:
        """The lines as a person sees them, without trailing space."""
        return ["".join(row).rstrip() for row in self._cells]

    @property
    def text(self) -> str:
        """All lines, joined."""
        return "\n".join(self.lines)

    def feed(self, data: str) -> None:
        """Take in what the program wrote. A sequence that is cut off waits for its rest."""
        data, self._rest = self._rest + data, ""
        at = 0
        while at < len(data):
            char = data[at]
            if char == "\x1b":
                if (match := _SEQUENCE.match(data, at)) is None:
                    self._rest = data[at:]
                    return
                self._obey(match)
                at = match.end()
                continue
            at += 1
            if char == "\r":
                self._x = 0
            elif char == "\n":
                self._x, self._y = 0, min(self._y + 1, self.height - 1)
            elif char >= " ":
                self._put(char)

    def _put(self, char: str) -> None:
        width = cells(char)
        if not width and self._x:
            self._cells[self._y][self._x - 1] += char
        elif width and self._x + width <= self.columns:
            self._cells[self._y][self._x : self._x + width] = [char, *[""] * (width - 1)]
            self._x += width

    def _obey(self, match: re.Match[str]) -> None:
        parameters, final = match[1], match[2]
        if final == "H":
            y, x = ([int(n or 1) for n in parameters.split(";")] + [1, 1])[:2] if parameters else (1, 1)
            self._y, self._x = min(y, self.height) - 1, min(x, self.columns) - 1
        elif final == "K":
            self._cells[self._y][self._x :] = [" "] * (self.columns - self._x)
        elif final == "J" or (parameters == "?1049" and final == "h"):
            self.resize(self.columns, self.height)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a key: the bytes, and the seconds until the last of them."""

    output: bytes
    latency: float


class Terminal:
    """A program in a pty. Use it as a context: at the end the program is gone, whatever it was doing."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        lines: int = 40,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.screen = Screen(columns, lines)
        self.output = bytearray()
        self.started = time.perf_counter()
        surroundings = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        surroundings |= env or {}
        for name in ("COLUMNS", "LINES"):  # they would hold against the size that the terminal tells
            surroundings.pop(name, None)
        self.pid, self._fd = pty.fork()
        if not self.pid:
            try:
                for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
                    signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore them (nohup, &)
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
                if cwd:
                    os.chdir(cwd)
                os.execvpe(argv[0], list(argv), surroundings)
            finally:
                os._exit(127)
        self._status: int | None = None
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.last_byte = self.started

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window, as dragging its corner does."""
        self.screen.resize(columns, lines)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def send(self, keys: bytes | str) -> None:
        """Type. Special keys are the bytes a terminal sends for them: ``\\x1b[B`` is the down arrow."""
        os.write(self._fd, keys.encode() if isinstance(keys, str) else keys)

    def read(self, timeout: float) -> bytes:
        """What comes first within ``timeout`` seconds; b"" when nothing does."""
        if self._fd < 0:
            time.sleep(timeout)
            return b""
        if not select.select([self._fd], [], [], max(timeout, 0))[0]:
            return b""
        try:
            data = os.read(self._fd, 1 << 20)
        except OSError:  # EIO: the program has closed its end
            return b""
        if data:
            self.last_byte = time.perf_counter()
            self.output += data
            self.screen.feed(self._decode(data))
        return data

    def until(self, condition: str | Callable[[Screen], bool], timeout: float = 60.0) -> None:
        """Read until a text is on the screen, or a condition holds.

        Raises:
            AssertionError: it did not come to that; the message holds the screen.
        """
        holds = condition if callable(condition) else (lambda screen: condition in screen.text)
        deadline = time.perf_counter() + timeout
        while not holds(self.screen):
            left = deadline - time.perf_counter()
            if left <= 0 or (not self.read(min(left, 0.2)) and self.wait(0) is not None):
                raise AssertionError(f"{condition!r} never came. The screen:\n{self.screen.text}")

    def settle(self, quiet: float = 0.25, timeout: float = 10.0) -> bytes:
        """Read until nothing has come for ``quiet`` seconds, and give back what did."""
        deadline = time.perf_counter() + timeout
        start = len(self.output)
        while time.perf_counter() < deadline and self.read(quiet):
            pass
        return bytes(self.output[start:])

    def press(self, keys: bytes | str, quiet: float = 0.06, timeout: float = 2.0) -> Answer:
        """Type, and wait until the program has answered and is quiet again."""
        sent = time.perf_counter()
        start = len(self.output)
        self.send(keys)
        if self.read(timeout):
            self.settle(quiet, timeout)
        output = bytes(self.output[start:])
        return Answer(output, self.last_byte - sent if output else 0.0)

    def wait(self, timeout: float = 60.0) -> int | None:
        """The program's exit status once it has ended, within ``timeout`` seconds; else None."""
        deadline = time.perf_counter() + timeout
        while self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            elif time.perf_counter() >= deadline:
                return None
            else:
                self.read(0.02)
        return self._status

    def hang_up(self) -> None:
        """The line drops: the program gets SIGHUP, and its terminal is gone."""
        os.close(self._fd)
        self._fd = -1

    def close(self) -> None:
        """End the program, and forget the terminal."""
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            self._status = os.waitstatus_to_exitcode(status)
        if self._fd >= 0:
            self.hang_up()
