"""Stands in for postconf(1): parameters and services of the demo, their defaults, the types of tables."""

from __future__ import annotations

import sys

from mtatui.backends.demo.command import EX_FATAL, EX_OK, options_of
from mtatui.backends.demo.configuration import Configuration, Service

_USAGE = "usage: postconf [-c config_dir] [-dhHmMnPx] [name...]"
#: Table types of Debian's Postfix with postfix-ldap and postfix-pcre.
TYPES = (
    "btree", "cidr", "environ", "fail", "hash", "inline", "internal", "ldap", "memcache", "nis", "pcre",
    "pipemap", "proxy", "randmap", "regexp", "socketmap", "static", "tcp", "texthash", "unionmap", "unix",
)  # fmt: skip


def run(arguments: list[str]) -> int:
    """postconf(1): all parameters or those named (-n: of main.cf, -d: defaults), with -x expanded, -h without
    names, -H without values; -M the services of master.cf, -P what they override, -m types of tables."""
    options, names = options_of("postconf", arguments, "c:dhHmMnPx", _USAGE, EX_FATAL)
    asked = {letter for letter, _ in options}
    if "-m" in asked:
        print("\n".join(TYPES))
        return EX_OK
    found = Configuration(dict(options).get("-c", ""))
    if "-M" in asked:
        lines = [_entry(service) for service in found.services]
    elif "-P" in asked:
        lines = [
            _line(f"{service.key}/{name}", value, asked)
            for service in found.services
            for name, value in sorted(service.overrides.items())
            if not names or any(f"{service.key}/{name}/".startswith(f"{wanted}/") for wanted in names)
        ]
    else:
        lines = list(_parameters(found, names, asked))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if "-d" not in asked:
        sys.stdout.flush()
        for name in found.unused():
            print(
                f"postconf: warning: {found.directory}/main.cf: unused parameter: "
                f"{name}={found.explicit[name]}",
                file=sys.stderr,
            )
    return EX_OK


def _parameters(found: Configuration, names: list[str], asked: set[str]) -> list[str]:
    known = found.defaults if "-d" in asked else found.defaults | found.explicit
    unused = set(found.unused())
    if "-n" in asked:
        known = found.explicit
    lines = []
    for name in names or sorted(known.keys() - unused):
        if name not in found.defaults and (name not in known or name in unused):
            sys.stdout.flush()
            print(f"postconf: warning: {name}: unknown parameter", file=sys.stderr)
        elif name in known:
            lines.append(_line(name, found.value(name) if "-x" in asked else known[name], asked))
    return lines


def _line(name: str, value: str, asked: set[str]) -> str:
    if "-h" in asked:
        return value
    return name if "-H" in asked else f"{name} = {value}".rstrip()


def _entry(service: Service) -> str:
    """A service as postconf -M prints it: in columns, as far as there is room."""
    line = service.fields[0]
    for column, text in zip(
        (11, 17, 25, 33, 41, 49, 57), (*service.fields[1:], service.command), strict=True
    ):
        line = f"{line} ".ljust(column) + text
    return line
