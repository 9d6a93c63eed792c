"""The options that go before any command: which server, and whether it may be changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Options:
    """What the person said before the command. ``server`` and ``config_dir`` are "" where not said."""

    demo: bool = False
    server: str = ""
    config_dir: str = ""
    read_only: bool = False


def quick(arguments: list[str]) -> Options | None:
    """The options of a plain start of the terminal face, read without a parser; None: let click look at it.

    Importing click costs 40 ms, which is time in which the first rows could be on their way.
    """
    options = Options()
    rest = iter(arguments)
    for word in rest:
        match word:
            case "--demo":
                options.demo = True
            case "--read-only":
                options.read_only = True
            case "--server" | "-c":
                value = next(rest, "")
                if not value or value.startswith("-"):
                    return None
                if word == "-c":
                    options.config_dir = value
                else:
                    options.server = value
            case _:
                return None
    return options
