"""How long a page of settings takes to open, and a plan for it: against the postconf calls that it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, NotMeasured
from bench.ground import Ground, tool
from bench.inside import started

#: A main.cf of the size that servers have, and what reading it takes: all of these at once.
MODEL = Path(__file__).parents[1] / "tests" / "unit" / "data" / "main_cf" / "iredmail-mysql"
CALLS = ((), ("-d",), ("-m",))


def page(ground: Ground) -> Iterator[Figure]:
    """From opening a page to its values, and from the staged page to its plan, in a process that runs."""
    config = ground.root / "settings"
    shutil.rmtree(config, ignore_errors=True)
    try:
        shutil.copytree(MODEL, config)
    except OSError as error:
        raise NotMeasured(f"a model of a configuration: {error}") from error
    if not (config / "master.cf").exists():
        shutil.copy(f"{ground.config}/master.cf", config)
    os.utime(config / "main.cf", (1, 1))  # Postfix's commands wait until it is two seconds old
    with started(str(config)) as inside:
        inside.ask("settings")  # what is imported is imported once
        mine, peer = ground.pairs(lambda: float(inside.ask("settings")["read"]), lambda: _postconf(config))
        plans = [float(inside.ask("settings")["plan"]) for _ in range(ground.rounds)]
    yield Figure("settings", "a page of settings, against its three postconf at once", "s", mine, peer, 2.0)
    yield Figure(
        "settings", "a plan for the whole page Inbound", "s", sorted(plans)[len(plans) // 2], bar=0.2
    )


def _postconf(config: Path) -> float:
    began = time.perf_counter()
    running = [
        subprocess.Popen(
            [tool("postconf"), "-c", str(config), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for options in CALLS
    ]
    for process in running:
        process.communicate()
    return time.perf_counter() - began
