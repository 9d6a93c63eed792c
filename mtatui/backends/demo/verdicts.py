"""Stands in for the program that has a message judged: the demo's clamd scans it, and its rules score it.

It tells what `mtatui.backends.judging.serve` tells, in the same lines. Standard library only.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from typing import Any

from mtatui.backends.demo import postcat
from mtatui.backends.demo.command import Fatal
from mtatui.backends.demo.programs import rules
from mtatui.backends.judging import virus

#: Seconds that scoring seems to take.
_THOUGHT = 0.6


def main(arguments: list[str]) -> int:
    """Answer the request on standard input."""
    [home] = arguments
    asked = json.loads(sys.stdin.readline())
    name = asked["message"]["name"]
    try:
        message = _read(home, name)
    except Fatal as error:
        _tell("unread", str(error))
        return 0
    if asked["virus"] is not None:
        _tell("virus", virus.scan(message, asked["virus"], lambda doing: _tell("virus", doing)))
    _tell("spam", "spamassassin is scoring")
    time.sleep(_THOUGHT)
    _tell("spam", _scored(message[: asked["spam"]["size"]], len(message)))
    return 0


def _read(home: str, name: str) -> bytes:
    """The message, as the demo's postcat prints it.

    Raises:
        Fatal: it cannot be read.
    """
    data = io.BytesIO()
    said = io.TextIOWrapper(data, encoding="utf-8")
    with contextlib.redirect_stdout(said):
        postcat.run(["-c", f"{home}/etc", *([] if name.startswith("/") else ["-q"]), "-bh", name])
    said.flush()
    return data.getvalue()


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
