"""What the stand-ins have in common: options as Postfix's commands take them, and how they give up."""

from __future__ import annotations

import getopt
import re
import sys
from collections.abc import Iterator

EX_OK, EX_FATAL, EX_UNAVAILABLE = 0, 1, 69
#: What Postfix takes for a queue ID (mail_queue_id_ok).
ID = re.compile(r"\w{1,255}", re.ASCII)


class Fatal(Exception):
    """A command gives up: what it prints behind "fatal:", and its exit code."""

    def __init__(self, text: str, code: int = EX_FATAL) -> None:
        super().__init__(text)
        self.code = code


def options_of(
    command: str, arguments: list[str], letters: str, usage: str, code: int
) -> tuple[list[tuple[str, str]], list[str]]:
    try:
        return getopt.getopt(arguments, letters)
    except getopt.GetoptError as error:
        words = "option requires an argument" if "requires" in error.msg else "invalid option"
        print(f"{command}: {words} -- '{error.opt}'", file=sys.stderr)
        raise Fatal(usage, code) from error


def lines() -> Iterator[str]:
    for line in sys.stdin.buffer:
        yield line.rstrip(b"\n").decode("utf-8", "replace")
