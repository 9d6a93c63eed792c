"""Stands in for Postfix's commands on the demo's queue: one module here for each of them.

What they do, print and return is what those of Postfix 3.7 do, print and return, as far as mtatui asks it of
them, quirks included. Standard library only; a program of its own (see ``__main__.py``).
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from mtatui.backends.demo.command import EX_FATAL, Fatal

COMMANDS = ("postcat", "postconf", "postfix", "postmap", "postqueue", "postsuper", "sendmail")


def arguments(directory: str, argv: Sequence[str]) -> list[str]:
    """The arguments of ``__main__.py`` that have a command of Postfix played.

    Args:
        directory: the configuration directory, where the command names none itself.
    """
    command, *rest = argv
    return ["standin", command, "-C" if command == "sendmail" else "-c", directory, *rest]


def main(arguments: list[str]) -> int:
    """Run ``COMMAND -c HOME …``; returns its exit code."""
    command, *rest = arguments
    if command not in COMMANDS:
        raise SystemExit(f"{command}: nobody stands in for it")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        code: int = import_module(f"mtatui.backends.demo.{command}").run(rest)
        sys.stdout.flush()
    except Fatal as error:
        sys.stdout.flush()
        print(f"{command}: fatal: {error}", file=sys.stderr)
        return error.code
    except BrokenPipeError:
        # Whoever listened has heard enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return EX_FATAL
    return code
