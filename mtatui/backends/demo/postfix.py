"""Stands in for postfix(1): its status only; the demo runs as long as anybody looks at it."""

from __future__ import annotations

from mtatui.backends.demo.command import EX_FATAL, EX_OK, Fatal, options_of

_USAGE = "usage: postfix [-c config_dir] [-Dv] command"


def run(arguments: list[str]) -> int:
    """``postfix status``."""
    _, rest = options_of("postfix", arguments, "c:v", _USAGE, EX_FATAL)
    if rest != ["status"]:
        raise Fatal("this is the demo: it starts and stops with mtatui")
    return EX_OK
