"""What a person at a terminal feels: the first rows, the keys, the bytes, the filter, the memory it takes.

All of it through a real pty of 120 × 40, from outside.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from bench.figures import Figure, NotMeasured
from bench.ground import Ground, memory, mtatui, tool
from tests.tui.terminal import Screen, Terminal

KEYS = 200
IDLE = 60
#: Typed letter by letter into the filter; most letters change what matches.
FILTERS = ("example", "from:news", "reason:timeout", "huber")
_LOADING = 600.0
_WORDS = re.compile(rb"[A-Za-z0-9]{5,}")
_MATCHING = re.compile(r"([\d,]+\+?) of [\d,]+")
_COUNTED = re.compile(r"[\d,]+ of [\d,]+")
_CURSOR = "▶"


def first(ground: Ground) -> Iterator[Figure]:
    """From the start of the program to the first rows that are real."""
    ground.everyone  # noqa: B018  # listed now and not while the watch runs
    figure = ground.pairs(lambda: _first(ground, _ours(ground)), lambda: _first(ground, _pfqueue(ground)))
    yield Figure("first", "exec to first rows, against pfqueue of all messages", "s", *figure, 1.0)
    page = [_ready(ground) for _ in range(ground.rounds)]
    yield Figure(
        "first", "  until the whole page is there, and answers keys", "s", statistics.median(page), figure[1]
    )
    few = ground.pairs(lambda: figure[0], lambda: _first(ground, _pfqueue(ground, 200)))
    yield Figure("first", "  against pfqueue of no more than 200 messages (its default)", "s", *few)


def memories(ground: Ground) -> Iterator[Figure]:
    """The memory of all processes: at most while reading, and at rest."""
    peaks: list[float] = []

    def ours() -> float:
        with Terminal(_ours(ground)) as terminal:
            peaks.append(_peak(terminal, _loaded))
            terminal.settle(2.0, 4.0)
            return memory(terminal.pid)

    def peer() -> float:
        with Terminal(_pfqueue(ground)) as terminal:
            _peak(terminal, lambda _: _shows(terminal, ground))
            terminal.settle(2.0, 4.0)
            return memory(terminal.pid)

    mine, others = ground.pairs(ours, peer, min(3, ground.rounds))
    yield Figure("memory", "memory at rest, UI and reader, against pfqueue -m all", "MB", mine, others, 1.3)
    peak = statistics.median(peaks)
    yield Figure("memory", "memory at most, while reading, against the same", "MB", peak, others, 1.3)


def keys(ground: Ground) -> Iterator[Figure]:
    """Two hundred times down, the edges of the page included; then nothing."""
    with _open(ground) as terminal:
        ground.quiet()
        answers = [terminal.press("j") for _ in range(KEYS)]
        if not all(answer.output for answer in answers):
            raise NotMeasured("a key was not answered")
        waits = sorted(answer.latency * 1000 for answer in answers)
        size = statistics.mean(len(answer.output) for answer in answers)
        yield Figure("keys", "key to last byte, median", "ms", statistics.median(waits), None, 15)
        yield Figure("keys", "key to last byte, 95th percentile", "ms", _high(waits), None, 40)
        yield Figure("keys", f"bytes a j over {KEYS} of them, mean", "bytes", size, None, 2500)
        terminal.settle(1.0)
        seconds = [_bytes_in(terminal, 1.0) for _ in range(IDLE)]
        yield Figure("keys", "bytes a second when idle, median", "bytes", statistics.median(seconds), None, 0)
        yield Figure("keys", "  the whole minute", "bytes", sum(seconds))


def filters(ground: Ground) -> Iterator[Figure]:
    """From a letter typed into the filter to the rows that match; and until they are counted."""
    waits: list[float] = []
    counted: list[float] = []
    with _open(ground) as terminal:
        for text in FILTERS:
            ground.quiet()
            terminal.press("/", quiet=0.5)
            for letter in text:
                before, sent = _matching(terminal.screen), time.perf_counter()
                terminal.send(letter)
                while _matching(terminal.screen) == before and time.perf_counter() < sent + 1:
                    terminal.read(0.02)
                if _matching(terminal.screen) != before:
                    waits.append((terminal.last_byte - sent) * 1000)
                    while not _COUNTED.search(terminal.screen.lines[1]) and time.perf_counter() < sent + 5:
                        terminal.read(0.02)
                    counted.append((terminal.last_byte - sent) * 1000)
                terminal.settle(0.3)
            terminal.press("\x15\x1b", quiet=0.8)
    if len(waits) < 8:
        raise NotMeasured(f"only {len(waits)} letters changed what the filter matches")
    for what, some, bar in (("rows", waits, 100), ("the exact number", counted, None)):
        some.sort()
        yield Figure(
            "filter", f"filter keystroke to {what}, median", "ms", statistics.median(some), None, bar
        )
        yield Figure("filter", f"filter keystroke to {what}, 95th percentile", "ms", _high(some), None, bar)


def loading(ground: Ground) -> Iterator[Figure]:
    """Keys while the queue is still being read: how long until the cursor has moved."""
    waits: list[float] = []
    peak = 0.0
    with Terminal(_ours(ground)) as terminal:
        terminal.until(lambda _: _shows(terminal, ground), _LOADING)
        began = time.perf_counter()
        early = _moves(terminal, "j")
        while not _loaded(terminal.screen):
            terminal.settle(0.05, 0.15)
            waits.append(_moves(terminal, "j" if len(waits) % 60 < 30 else "k"))
            peak = max(peak, memory(terminal.pid))
            if time.perf_counter() > began + _LOADING:
                raise NotMeasured("the queue was not read within ten minutes")
        took = time.perf_counter() - terminal.started
        terminal.settle(1.0, 5.0)
        yield Figure("loading", f"{len(waits)} keys while reading: the slowest", "ms", max(waits), None, 100)
        late = sum(wait > 100 for wait in waits)
        yield Figure("loading", "  of them, slower than 100 ms", "keys", late)
        yield Figure("loading", "  the 99th percentile", "ms", sorted(waits)[int(0.99 * (len(waits) - 1))])
        yield Figure("loading", "  a key typed at the first rows, before the page is there", "ms", early)
        yield Figure("loading", "exec to all read, keys pressed meanwhile", "s", took)
        waits = [_moves(terminal, key) for key in "jk" * 50]
        yield Figure("loading", "100 keys afterwards: the slowest", "ms", max(waits), None, 100)
        rest = memory(terminal.pid)
        yield Figure("loading", "memory at most, UI and reader", "MB", max(peak, rest), None, 1000)
        yield Figure("loading", "memory at rest", "MB", rest, None, 1000)


def first_rows(ground: Ground) -> float:
    """Seconds from the start of mtatui to its first rows, the median."""
    ground.everyone  # noqa: B018  # listed now and not while the watch runs
    times = []
    for _ in range(ground.rounds):
        ground.quiet()
        times.append(_first(ground, _ours(ground)))
        ground.say(f"{times[-1]:.3f}")
    return statistics.median(times)


def _ours(ground: Ground) -> list[str]:
    return [*mtatui(), "-c", ground.config]


def _pfqueue(ground: Ground, most: int = 0) -> list[str]:
    limit = str(most or 2 * ground.messages)
    return [tool("pfqueue"), "-b", "postfix2", "-c", ground.config, "-m", limit, "-q", "1"]


def _first(ground: Ground, argv: Sequence[str]) -> float:
    with Terminal(argv) as terminal:
        terminal.until(lambda _: _shows(terminal, ground), _LOADING)
        return terminal.last_byte - terminal.started


def _ready(ground: Ground) -> float:
    """Until the page is there that answers keys: its footer is what is drawn last."""
    ground.quiet()
    with Terminal(_ours(ground)) as terminal:
        terminal.until(
            lambda screen: screen.lines[0].startswith(" mtatui") and screen.lines[-1] != "", _LOADING
        )
        return terminal.last_byte - terminal.started


def _shows(terminal: Terminal, ground: Ground) -> bool:
    return any(word.decode() in ground.everyone for word in _WORDS.findall(terminal.output))


def _open(ground: Ground) -> Terminal:
    """mtatui with the whole queue read, and at rest."""
    terminal = Terminal(_ours(ground))
    terminal.until(_loaded, _LOADING)
    terminal.settle(1.5)
    return terminal


def _bytes_in(terminal: Terminal, seconds: float) -> int:
    before, deadline = len(terminal.output), time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        terminal.read(left)
    return len(terminal.output) - before


def _loaded(screen: Screen) -> bool:
    """The header says nothing of reading any more (that Postfix is stopped, or when it was read)."""
    return "mtatui" in screen.lines[0] and not re.search("starting|reading", screen.lines[0])


def _peak(terminal: Terminal, until: Callable[[Screen], bool]) -> float:
    most, deadline = 0.0, time.monotonic() + _LOADING
    while not until(terminal.screen):
        most = max(most, memory(terminal.pid))
        terminal.read(0.02)
        if time.monotonic() > deadline:
            raise NotMeasured("the queue was not read within ten minutes")
    return most


def _moves(terminal: Terminal, key: str) -> float:
    """Milliseconds until the cursor is on another line."""
    before, sent = _cursor(terminal.screen), time.perf_counter()
    terminal.send(key)
    while _cursor(terminal.screen) in (before, -1):  # -1: of a frame half has arrived
        terminal.read(0.005)
        if time.perf_counter() > sent + 10:
            raise NotMeasured("a key was not answered within ten seconds")
    return (terminal.last_byte - sent) * 1000


def _cursor(screen: Screen) -> int:
    return next((y for y, line in enumerate(screen.lines) if _CURSOR in line), -1)


def _matching(screen: Screen) -> str:
    match = _MATCHING.search(screen.lines[1])
    return match[1] if match else ""


def _high(waits: Sequence[float]) -> float:
    """The 95th percentile of sorted values."""
    return waits[round(0.95 * (len(waits) - 1))]
