"""The ground that everything is measured on: one private spool, Postfix's tools for it, a quiet machine."""

from __future__ import annotations

import compileall
import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import mtatui as package
from bench.figures import NotMeasured
from bench.generate import generate
from mtatui.backends.postfix.spool.files import names_below

PACKAGE = Path(package.__file__).parent
#: How much of the machine may be busy with other things, and how long (seconds) to wait for such a moment.
QUIET, PATIENCE, GLANCE = 0.15, 15.0, 0.3
#: The postfix commands and pfqueue are looked for where root has them.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Ground:
    """A spool of so many messages; each measurement takes so many rounds, of which the median counts."""

    root: Path
    messages: int
    rounds: int
    say: Callable[[str], None]
    busiest: float = 0.0
    """The largest share of the machine that was busy with other things when a round began."""
    _waited: dict[str, float] = field(default_factory=dict)

    @property
    def config(self) -> str:
        """The configuration directory, as ``-c`` takes it."""
        return str(self.root / "etc")

    def ids(self, *states: str) -> list[str]:
        """Who lies in these queues, in an order that is random and always the same."""
        found = [name for state in states for name in names_below(f"{self.root}/spool/{state}/")]
        random.Random(1).shuffle(found)
        return found

    @cached_property
    def everyone(self) -> frozenset[str]:
        """Every queue ID that a screen may show."""
        return frozenset(self.ids("incoming", "active", "deferred", "hold", "corrupt"))

    def listing(self) -> float:
        """Seconds that ``postqueue -j >/dev/null`` takes."""
        return timed([tool("postqueue"), "-c", self.config, "-j"])

    def postsuper(self, option: str, ids: Sequence[str]) -> float:
        """Seconds that one postsuper takes for these messages.

        Raises:
            NotMeasured: it did something else than it was told.
        """
        text = "".join(f"{id}\n" for id in ids)
        return timed([tool("postsuper"), "-c", self.config, f"-{option}", "-"], text)

    def quiet(self) -> None:
        """Wait a while for others to leave the machine alone; go on in any case."""
        deadline = time.monotonic() + PATIENCE
        while (busy := _busy()) > QUIET and time.monotonic() < deadline:
            pass
        self.busiest = max(self.busiest, busy)

    def pairs(
        self, ours: Callable[[], float], peer: Callable[[], float], rounds: int = 0
    ) -> tuple[float, float]:
        """The medians of both, measured in turns; every other round the peer begins."""
        mine: list[float] = []
        others: list[float] = []
        for number in range(rounds or self.rounds):
            self.quiet()
            for measure, into in ((ours, mine), (peer, others))[:: -1 if number % 2 else 1]:
                into.append(measure())
            self.say(f"{mine[-1]:.3f} : {others[-1]:.3f}")
        return statistics.median(mine), statistics.median(others)


@contextlib.contextmanager
def laid(messages: int, rounds: int, under: str | None, say: Callable[[str], None]) -> Iterator[Ground]:
    """A ground with its spool made, and warm; it is gone afterwards.

    Raises:
        NotMeasured: this needs root, and Postfix's programs.
    """
    if os.geteuid() != 0:
        raise NotMeasured("postqueue, postsuper and the spool reader want root here: run it as root")
    root = Path(tempfile.mkdtemp(prefix="mtatui-bench-", dir=under))
    try:
        root.chmod(0o755)
        # As an installation does: in a checkout the reader, which leaves no files behind, compiles itself.
        compileall.compile_dir(PACKAGE, quiet=1)
        say(f"making {messages:,} messages in {root}")
        generate(root, messages, config=True)
        ground = Ground(root, messages, rounds, say)
        # What was just written goes to the disk now, and not while something is being measured; and a
        # directory is believed to be at rest once it has not changed for two seconds.
        os.sync()
        ground.listing()
        yield ground
    finally:
        shutil.rmtree(root, ignore_errors=True)


def tool(name: str) -> str:
    """The path of a program.

    Raises:
        NotMeasured: it is not there.
    """
    path = shutil.which(name, path=PATH)
    if path is None:
        raise NotMeasured(f"there is no {name} here: install the Debian packages postfix and pfqueue")
    return path


def mtatui() -> list[str]:
    """How mtatui is started: by its installed script, as a person does, or from the checkout."""
    script = Path(sys.executable).with_name("mtatui")
    return [str(script)] if script.exists() else [sys.executable, "-m", "mtatui"]


def timed(argv: Sequence[str], stdin: str = "") -> float:
    """Seconds from the start of a program to its end; its output goes nowhere.

    Raises:
        NotMeasured: it failed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        argv, input=stdin.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        raise NotMeasured(f"{' '.join(argv)} failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return took


def drop_caches() -> None:
    """Forget what the kernel holds of the disk.

    Raises:
        NotMeasured: that is not permitted here (in most containers).
    """
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError as error:
        raise NotMeasured(f"the kernel's caches may not be dropped here: {error.strerror}") from error


def memory(pid: int) -> float:
    """Megabytes that a process and all its descendants use: shared pages count once (PSS; proc(5))."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                status = Path(entry.path, "stat").read_text()
                children.setdefault(int(status.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    total, family = 0, [pid]
    for member in family:
        family += children.get(member, [])
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def _busy() -> float:
    """The share of the machine that was at work just now."""
    before = _ticks()
    time.sleep(GLANCE)
    busy, idle = (after - then for after, then in zip(_ticks(), before, strict=True))
    return busy / max(1, busy + idle)


def _ticks() -> tuple[int, int]:
    with open("/proc/stat") as file:
        user, nice, system, idle, iowait, *rest = map(int, file.readline().split()[1:])
    return user + nice + system + sum(rest[:3]), idle + iowait
