"""Stands in for the program that has a message judged: the demo's clamd scans it, and its rules score it.

It tells what `mtatui.backends.judging.serve` tells, in the same lines. Standard library only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from mtatui.backends.demo.programs import rules
from mtatui.backends.judging import virus

#: Seconds that scoring seems to take.
_THOUGHT = 0.6


def main(arguments: list[str]) -> int:
    """Answer the request on standard input."""
    home, here = arguments[0], os.path.dirname(os.path.abspath(__file__))
    asked = json.loads(sys.stdin.readline())
    name = asked["message"]["name"]
    by = [] if name.startswith("/") else ["-q"]
    argv = [sys.executable, "-I", "-S", f"{here}/__main__.py", "standin", "postcat", "-c", f"{home}/etc"]
    read = subprocess.run([*argv, *by, "-bh", "--", name], capture_output=True, check=False)
    if read.returncode != 0:
        words = read.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
        _tell("unread", words or "it cannot be read")
        return 0
    if asked["virus"] is not None:
        _tell("virus", virus.scan(read.stdout, asked["virus"], lambda doing: _tell("virus", doing)))
    _tell("spam", "spamassassin is scoring")
    time.sleep(_THOUGHT)
    _tell("spam", _scored(read.stdout[: asked["spam"]["size"]], len(read.stdout)))
    return 0


def _scored(part: bytes, whole: int) -> dict[str, Any]:
    hits = rules(part)
    return {
        "by": "spamassassin 4.0.1",
        "points": round(sum(points for points, _, _ in hits), 1),
        "required": 5.0,
        "summary": "\n".join(f"{points:4.1f} {name:<22} {about}" for points, name, about in hits),
        "scores": ",".join(f"{name}={points}" for points, name, _ in hits),
        "notes": [],
        "cut": len(part) < whole,
    }


def _tell(part: str, what: Any) -> None:
    sys.stderr.write(json.dumps([part, what]) + "\n")
    sys.stderr.flush()
