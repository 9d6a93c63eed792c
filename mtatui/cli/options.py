"""The options that go before any command: which server, and whether it may be changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Options:
    """What the person said before the command; "" is what was not said."""

    demo: bool = False
    server: str = ""
    config_dir: str = ""
    read_only: bool = False
    hosts: str = ""
    """Hosts as ssh takes them, with commas between; in place of those that are configured."""
    inventory: str = ""
    """An inventory; in place of those that are configured, too."""


_NAMES = {"--server": "server", "-c": "config_dir", "--hosts": "hosts", "--inventory": "inventory"}


def again(command: str, server: str = "") -> str:
    """The line to type next, for a command about the same servers as this one, or about one of them."""
    import shlex

    import click

    context = click.get_current_context(silent=True)
    said = context.obj if context is not None and isinstance(context.obj, Options) else Options()
    words = ["mtatui"] + ["--demo"] * said.demo
    for option, name in _NAMES.items():
        if value := (name == "server" and server) or getattr(said, name):
            words += [option, value]
    return f"{shlex.join(words)} {command}"


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
            case "--server" | "-c" | "--hosts" | "--inventory":
                value = next(rest, "")
                if not value or value.startswith("-"):
                    return None
                setattr(options, _NAMES[word], value)
            case _:
                return None
    return options
