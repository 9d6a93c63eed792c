"""Stands in for postfix(1): status, check, reload. It runs as long as anybody looks."""

from __future__ import annotations

import re
import sys

from mtatui.backends.demo.command import EX_FATAL, EX_OK, Fatal, options_of
from mtatui.backends.demo.configuration import Configuration, spool_of

_USAGE = "usage: postfix [-c config_dir] [-Dv] command"
_NUMBER = re.compile(r"-?\d+")
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


def run(arguments: list[str]) -> int:
    """``postfix status``, ``check``, ``reload``. They speak to the log, and to a terminal if there is one."""
    options, rest = options_of("postfix", arguments, "c:v", _USAGE, EX_FATAL)
    if rest == ["status"]:
        return EX_OK
    if rest not in (["check"], ["reload"]):
        raise Fatal("this is the demo: it starts and stops with mtatui")
    spool = spool_of(options)
    found = Configuration(dict(options).get("-c", ""))
    if complaint := _complaint(found):
        spool.say("postfix-script", f"fatal: {complaint}")
        raise Fatal(complaint)
    if rest == ["reload"]:
        if sys.stderr.isatty():
            print("postfix/postfix-script: refreshing the Postfix mail system", file=sys.stderr)
        spool.say("postfix-script", "refreshing the Postfix mail system")
        spool.reload()
        spool.say(
            "master", f"reload -- version {found.value('mail_version')}, configuration {found.directory}"
        )
    return EX_OK


def _complaint(found: Configuration) -> str:
    """What every Postfix command stumbles over: numbers that are none, a host name that cannot be. Not more:
    `postfix check` misses a boolean or a restriction that does not exist, too."""
    for name, default in found.defaults.items():
        if name == "compatibility_level":  # a number with dots
            continue
        if default and _NUMBER.fullmatch(default) and not _NUMBER.fullmatch(found.value(name)):
            return f"bad numerical configuration: {name} = {found.value(name)}"
    for name in ("myhostname", "mydomain"):
        if not _NAME.fullmatch(found.value(name)):
            return f"main.cf configuration error: bad {name} parameter value: {found.value(name)}"
    return ""
