"""The configuration as the stand-ins read it: what main.cf and master.cf say, and Postfix's defaults.

The defaults are what ``postconf -d`` of Postfix 3.7.11 prints (``defaults``, beside this file), all of them.
Standard library only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mtatui.backends.demo.command import Fatal
from mtatui.backends.demo.spool import Spool
from mtatui.backends.demo.writer import MYHOSTNAME

_DEFAULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "defaults")
_OVERRIDE = re.compile(r"-o\s*(?:\{\s*([^=\s]+)\s*=\s*([^}]*?)\s*\}|([^=\s]+?)=(\S*))")
_REFERENCE = re.compile(r"\$(?:(\w+)|\{(\w+)\}?|\((\w+)\)?)")
_BOOLEANS = {"yes": True, "no": False}


@dataclass(frozen=True)
class Service:
    """A service of master.cf."""

    fields: tuple[str, ...]
    """Name, type, private, unprivileged, chroot, wakeup, limit."""
    command: str
    """With its arguments, each once separated."""
    overrides: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """``submission/inet``."""
        return "/".join(self.fields[:2])


class Configuration:
    """A configuration directory."""

    def __init__(self, directory: str) -> None:
        """Read its main.cf.

        Raises:
            Fatal: there is none.
        """
        self.directory = directory
        lines = _logical_lines(self._read("main.cf"))
        #: What main.cf says (of several assignments the last one counts), and the command line.
        self.explicit: dict[str, str] = {"config_directory": directory}
        for line in lines:
            name, equals, value = (part.strip() for part in line.partition("="))
            if not equals:
                raise Fatal(f"{directory}/main.cf, line 1: missing '=' after attribute name: \"{line[:40]}\"")
            self.explicit[name] = value

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """What master.cf says."""
        found = []
        for line in _logical_lines(self._read("master.cf")):
            *fields, command = line.split(None, 7)
            overrides = {m[1] or m[3]: m[2] or m[4] or "" for m in _OVERRIDE.finditer(command)}
            found.append(Service(tuple(fields), " ".join(command.split()), overrides))
        return tuple(found)

    @cached_property
    def defaults(self) -> dict[str, str]:
        """All parameters that Postfix knows, with their defaults (`postconf -d`)."""
        with open(_DEFAULTS, encoding="ascii") as file:
            known = dict(line.split("=", 1) for line in file.read().splitlines())
        return known | {"myhostname": MYHOSTNAME}

    @property
    def home(self) -> str:
        """The home of the demo that is configured here, whatever directory this is (a staged copy, say)."""
        return os.path.dirname(self.explicit.get("queue_directory", ""))

    def raw(self, name: str) -> str | None:
        """What is said of a parameter, or its default; None for one that does not exist."""
        return self.explicit[name] if name in self.explicit else self.defaults.get(name)

    def value(self, name: str, service: Service | None = None) -> str:
        """What a parameter means to a service: its override or what is said for all, without ``$names``."""
        text = service.overrides.get(name) if service else None
        return self._plain(self.raw(name) or "" if text is None else text)

    def is_on(self, name: str, service: Service | None = None) -> bool:
        """A boolean parameter.

        Raises:
            Fatal: it is none, as Postfix's daemons would say.
        """
        value = self.value(name, service)
        if value not in _BOOLEANS:
            raise Fatal(f"bad boolean configuration: {name} = {value}")
        return _BOOLEANS[value]

    def unused(self) -> list[str]:
        """The parameters of main.cf that nothing uses."""
        used = {*self.defaults, *self.value("smtpd_restriction_classes").replace(",", " ").split()}
        said = [*self.explicit.values(), *(text for s in self.services for text in s.overrides.values())]
        for text in (*said, *(service.command for service in self.services)):
            used.update(next(filter(None, match)) for match in _REFERENCE.findall(text))
        # A transport has parameters of its own: policyd-spf_time_limit.
        transports = tuple(f"{service.fields[0]}_" for service in self.services)
        return [name for name in self.explicit if name not in used and not name.startswith(transports)]

    def _plain(self, text: str, depth: int = 0) -> str:
        if "$" not in text or depth > 20:
            return text
        return _REFERENCE.sub(lambda m: self._plain(self.raw(m[1] or m[2] or m[3]) or "", depth + 1), text)

    def _read(self, name: str) -> str:
        try:
            with open(f"{self.directory}/{name}", encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError as error:
            raise Fatal(f"open {self.directory}/{name}: {error.strerror}") from error


def _logical_lines(text: str) -> Iterable[str]:
    """Lines with their continuations; comments and blank lines between them are not there (postconf(5))."""
    found: list[str] = []
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and found:
            found[-1] += " " + line.strip()
        else:
            found.append(line.strip())
    return found


def spool_of(options: list[tuple[str, str]]) -> Spool:
    """The queue of the configuration that ``-c`` names."""
    return Spool(Configuration(dict(options).get("-c", "")).home)
