"""Stands in for postmap(1), as far as asking a table: its file is there or not, and nothing is in it."""

from __future__ import annotations

import os

from mtatui.backends.demo.command import EX_FATAL, Fatal, options_of
from mtatui.backends.demo.session import COMPILED

_USAGE = "usage: postmap [-c config_dir] [-q key] [map_type:]file..."


def run(arguments: list[str]) -> int:
    """``postmap -q KEY TYPE:PATH``: exit status 1, as for a key that is not there."""
    options, tables = options_of("postmap", arguments, "c:q:", _USAGE, EX_FATAL)
    if "-q" not in dict(options):
        raise Fatal("this is the demo: it makes no tables")
    for table in tables:
        kind, _, path = table.partition(":")
        path += COMPILED.get(kind, "")
        if not os.path.exists(path):
            raise Fatal(f"open database {path}: No such file or directory")
    return 1
