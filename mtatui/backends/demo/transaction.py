"""Runs the program that changes a server's settings, with the demo's stand-ins for Postfix's commands.

``__main__.py transaction DIRECTORY …``: the program is the real one (`mtatui.backends.transaction`); only
what it starts is played, for the configuration in ``DIRECTORY``. Standard library only.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from mtatui.backends.demo import standin
from mtatui.backends.transaction import run as running

_MAIN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")


def main(arguments: list[str]) -> int:
    """Run it with the rest of the arguments."""
    directory, *rest = arguments
    really = running.run

    def played(argv: list[str], *arguments: Any, **options: Any) -> tuple[int | None, str]:
        if argv[0] in standin.COMMANDS:
            argv = [sys.executable, "-I", "-S", _MAIN, *standin.arguments(directory, argv)]
        return really(argv, *arguments, **options)

    # Before the modules that use it are imported: each of them gets this one.
    running.run = played
    code: int = import_module("mtatui.backends.transaction.serve").main(rest)
    return code
