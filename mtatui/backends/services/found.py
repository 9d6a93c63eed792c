"""Finds the services that a mail server is configured to use: in Postfix's files, and in the daemons' own.

What Postfix asks (milters, policy services, content filters, the login service) stands in main.cf and
master.cf; where clamd, freshclam and opendkim listen and leave their process ID stands in their own files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from mtatui.backends.filters.places import Places
from mtatui.backends.host import File, HostError
from mtatui.backends.postfix.master_cf import Service as Listener
from mtatui.backends.postfix.probes import probes
from mtatui.backends.postfix.reading import PostfixReading
from mtatui.backends.services.places import (
    Place,
    called,
    loopback,
    milters_of,
    opendkim_socket,
    place_of,
    same,
    settings_of,
)
from mtatui.text import clean


def files_of(places: Places) -> dict[str, tuple[str, ...]]:
    """Where the files of the daemons are that are looked into; the first that is there counts."""
    return {
        "clamd": places.clamd,
        "freshclam": places.freshclam,
        "opendkim": places.opendkim,
        "sasl": places.sasl,
    }


FILES: Mapping[str, tuple[str, ...]] = files_of(Places())
#: What a service is for, in words, in the order in which they are shown.
POSTFIX, ANTISPAM, ANTIVIRUS, SIGNATURES, LOGIN, DKIM = (
    "Postfix",
    "Antispam",
    "Antivirus",
    "Signature updates",
    "Authentication",
    "DKIM",
)
FILTER, POLICY, MILTER = "Content filter", "Policy service", "Milter"

#: What to do about what is not there, and about what is set up while nothing asks it.
_MISSING = {
    ANTISPAM: "Nothing scores mail. Debian: apt install amavisd-new spamassassin; then name it in "
    "content_filter.",
    ANTIVIRUS: "Nothing looks for viruses. Debian: apt install clamav-daemon amavisd-new; then name "
    "amavis in content_filter.",
    SIGNATURES: "Nothing fetches virus signatures. Debian: apt install clamav-freshclam.",
    LOGIN: "Nobody can log in to send mail (smtpd_sasl_auth_enable). Debian: apt install dovecot-core, or "
    "sasl2-bin.",
    DKIM: "Nothing signs mail. Debian: apt install opendkim opendkim-tools; then name it in smtpd_milters "
    "and non_smtpd_milters.",
}
_IDLE = {
    ANTIVIRUS: "It is set up ({path}), but Postfix hands mail to nobody who would ask it: amavis does "
    "(content_filter), or clamav-milter (smtpd_milters).",
    SIGNATURES: "It is set up ({path}), but nothing in Postfix looks for viruses: nobody needs what it "
    "fetches.",
    DKIM: "It is set up ({path}), but nothing in Postfix asks it: name its socket in smtpd_milters and "
    "non_smtpd_milters.",
}

_AMAVIS_PORTS = (10024, 10026)
_POLICY = re.compile(r"check_policy_service\s+(?:\{\s*)?([^\s,{}]+)")
#: The options of spamc(1) that say where spamd is.
_SPAMC = {"-d": "host", "-p": "port", "-U": "path"}


@dataclass(frozen=True, slots=True)
class Ask:
    """How to get a sign of life: the protocol, and where it is spoken."""

    protocol: str
    place: Place
    name: str = ""
    """The place in words."""
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """A service as it is configured."""

    id: str
    """What the command line calls it."""
    role: str
    where: str = ""
    """The directive or the file in which it is configured; "" where it is not."""
    asks: tuple[Ask, ...] = ()
    names: tuple[str, ...] = ()
    """What its process may be called."""
    pid_files: tuple[str, ...] = ()
    config: str = ""
    flags: tuple[str, ...] = ()
    """The options by which its command line names the configuration."""
    standard: bool = True
    """A process whose command line names none has this configuration."""
    within: str = ""
    """The service in which it runs, which has no process of its own."""
    units: tuple[str, ...] = ()
    """What systemd may call it."""
    missing: str = ""
    """What to do where it is not configured."""

    @property
    def listens(self) -> tuple[Place, ...]:
        """Where its own process listens."""
        return tuple(ask.place for ask in self.asks if ask.protocol != "auth")


def declared(reading: PostfixReading, files: Mapping[str, tuple[str, File | HostError]]) -> list[Declared]:
    """All services, configured or not, in the order in which they are shown; ids are unique.

    Args:
        files: of the daemons of `FILES` that have one, its path and what is in it.
    """
    others = _Others(reading, files)
    found = [
        _postfix(reading),
        *(filters := others.filters()),
        *(milters := others.milters()),
        *others.policies(),
        others.login(),
    ]
    # Who would scan is asked by a filter, or a milter of its own: without one nothing counts on it.
    scans = bool(filters) or any(one.role == MILTER for one in milters)
    found += [others.clamd(scans), others.freshclam(scans)]
    if not any(one.role == ANTISPAM for one in found):
        found.append(_missing("antispam", ANTISPAM))
    order = (POSTFIX, ANTISPAM, FILTER, ANTIVIRUS, SIGNATURES, LOGIN, DKIM, MILTER, POLICY)
    return _distinct(sorted(found, key=lambda one: order.index(one.role)))


def _distinct(found: Iterable[Declared]) -> list[Declared]:
    taken: dict[str, int] = {}
    distinct = []
    for one in found:
        taken[one.id] = number = taken.get(one.id, 0) + 1
        distinct.append(one if number == 1 else replace(one, id=f"{one.id}-{number}"))
    return distinct


def _postfix(reading: PostfixReading) -> Declared:
    directory = reading.config_directory
    return Declared(
        "postfix",
        POSTFIX,
        reading.main_path,
        asks=tuple(
            Ask("smtp", {"host": p.address, "port": p.port}, f"{p.address}:{p.port} ({p.name})", p.tls)
            for p in probes(reading)
        ),
        names=("master",),
        pid_files=(f"{reading.queue_directory}/pid/master.pid",),
        config=directory,
        flags=("-c",),
        standard=directory == "/etc/postfix",
    )


class _Others:
    """What Postfix's files and the daemons' own say of services beside Postfix."""

    def __init__(self, reading: PostfixReading, files: Mapping[str, tuple[str, File | HostError]]) -> None:
        self.reading = reading
        self.files = files
        self._smtpd = tuple(reading.services("smtpd"))

    # -- what Postfix asks -----------------------------------------------------------------------------------

    def filters(self) -> list[Declared]:
        """Content filters, and what filters before the queue."""
        found: dict[str, Declared] = {}
        for where, text in self._said("content_filter"):
            transport, _, hop = text.partition(":")
            one = self._filter(where, transport, hop)
            if one is not None:
                found.setdefault(one.id, one)
        for where, text in self._said("smtpd_proxy_filter"):
            place = self._place(text if ":" in text else f"127.0.0.1:{text}")
            if place is not None:
                one = _filter_at(where, text, place)
                found.setdefault(one.id, one)
        return list(found.values())

    def _filter(self, where: str, transport: str, hop: str) -> Declared | None:
        listener = self.reading.master.service(f"{transport}/unix")
        if listener is not None and listener.command == "pipe":
            return _piped(f"{where}: {transport}, master.cf line {listener.line}", listener)
        place = self._place(hop)
        return _filter_at(where, transport, place) if place is not None else None

    def milters(self) -> list[Declared]:
        """Milters; the one that signs is DKIM's, and it is missing where there is none."""
        found: dict[str, Declared] = {}
        path, own = self._file("opendkim")
        signs = opendkim_socket(own.get("socket", [""])[-1])
        for name in ("smtpd_milters", "non_smtpd_milters"):
            for where, text in self._said(name):
                for word in milters_of(text):
                    place = self._place(word)
                    if place is None:
                        continue
                    is_it = signs is not None and same(signs, place)
                    id = "opendkim" if is_it else called("milter", word, place)
                    if word not in found:
                        found[word] = self._milter(id, where, word, place)
        milters = list(found.values())
        if not any(one.role == DKIM for one in milters):
            milters.append(_missing("opendkim", DKIM, path))
        return milters

    def _milter(self, id: str, where: str, word: str, place: Place) -> Declared:
        asks = (Ask("milter", place, word),)
        if id != "opendkim":
            return Declared(id, MILTER, where, asks, units=(f"{id}.service",))
        path, own = self._file("opendkim")
        return Declared(
            id, DKIM, f"{where}; {path}" if path and path not in where else where, asks,
            names=("opendkim",), pid_files=tuple(own.get("pidfile", ())), config=path, flags=("-x",),
            standard=path in FILES["opendkim"], units=("opendkim.service",),
        )  # fmt: skip

    def policies(self) -> list[Declared]:
        """Policy services in any list of restrictions."""
        found: dict[str, Declared] = {}
        for where, text in self._everything():
            for word in _POLICY.findall(text):
                place = self._place(word)
                if word in found or place is None:
                    continue
                id = called("policy", word, place)
                # One that master(8) spawns has a process only while somebody asks it.
                spawned = self._spawned(word)
                found[word] = Declared(
                    id, POLICY, f"{where}; master.cf line {spawned.line}" if spawned else where,
                    (Ask("policy", place, word),), within="postfix" if spawned else "",
                    units=(f"{id}.service",),
                )  # fmt: skip
        return list(found.values())

    def _spawned(self, word: str) -> Listener | None:
        kind, _, path = word.partition(":")
        name = path.removeprefix("private/").removeprefix("public/")
        return self.reading.master.service(f"{name}/unix") if kind == "unix" else None

    def login(self) -> Declared:
        """Who knows the passwords of those who send."""
        reading = self.reading
        where = next((where for where, text in self._said("smtpd_sasl_auth_enable") if text == "yes"), "")
        if not where:
            return _missing("login", LOGIN)
        offering = {
            service.name
            for service in self._smtpd
            if reading.for_service(service, "smtpd_sasl_auth_enable").lower() == "yes"
        }
        asked = [probe for probe in probes(reading) if probe.name in offering][:1]
        offers = tuple(
            Ask("auth", {"host": p.address, "port": p.port}, f"{p.address}:{p.port} ({p.name})", p.tls)
            for p in asked
        )
        kind = reading.effective("smtpd_sasl_type")
        if kind == "dovecot":
            path = reading.effective("smtpd_sasl_path")
            place = self._place(path if path.startswith(("inet:", "unix:")) else f"unix:{path}")
            asks = (Ask("dovecot", place, path),) if place else ()
            return Declared("dovecot", LOGIN, where, (*asks, *offers), units=("dovecot.service",))
        path, own = self._file("sasl", separator=":")
        if "saslauthd" in own.get("pwcheck_method", ()):
            place = {"paths": [f"{own.get('saslauthd_path', ['/run/saslauthd/mux'])[-1]}"]}
            asks = (Ask("accepts", place, str(place["paths"][0])),)
            return Declared(
                "saslauthd", LOGIN, f"{where}; {path}", (*asks, *offers),
                names=("saslauthd",), units=("saslauthd.service",),
            )  # fmt: skip
        return Declared(
            kind or "sasl", LOGIN, f"{where}; {path}" if path else where, offers, within="postfix"
        )

    # -- what has files of its own ---------------------------------------------------------------------------

    def clamd(self, scans: bool) -> Declared:
        """The daemon that looks for viruses; ``scans``: there is somebody who asks it."""
        path, own = self._file("clamd")
        if not path or "example" in own or not scans:
            return _missing("clamd", ANTIVIRUS, path)
        asks = [Ask("clamd", {"paths": [path]}, path) for path in own.get("localsocket", [])[-1:]]
        for port in own.get("tcpsocket", [])[-1:] if not asks else ():
            host = loopback(own.get("tcpaddr", ["127.0.0.1"])[0])
            if port.isdigit():
                asks = [Ask("clamd", {"host": host, "port": int(port)}, f"{host}:{port}")]
        return Declared(
            "clamd", ANTIVIRUS, path, tuple(asks),
            names=("clamd",), pid_files=tuple(own.get("pidfile", ())), config=path,
            flags=("-c", "--config-file"), standard=path in FILES["clamd"],
            units=("clamav-daemon.service", "clamd@scan.service", "clamd.service"),
        )  # fmt: skip

    def freshclam(self, scans: bool) -> Declared:
        """The daemon that fetches signatures; nobody can ask it anything."""
        path, own = self._file("freshclam")
        if not path or "example" in own or not scans:
            return _missing("freshclam", SIGNATURES, path)
        return Declared(
            "freshclam", SIGNATURES, path,
            names=("freshclam",), pid_files=tuple(own.get("pidfile", ())), config=path,
            flags=("--config-file",), standard=path in FILES["freshclam"],
            units=("clamav-freshclam.service", "freshclam.service"),
        )  # fmt: skip

    # -- reading ---------------------------------------------------------------------------------------------

    def _said(self, name: str) -> Iterator[tuple[str, str]]:
        """Where a parameter is set, and to what: in main.cf, and by services that listen."""
        assignment = self.reading.explicit(name)
        if assignment is not None and (text := self.reading.effective(name).strip()):
            yield f"{name}, main.cf line {assignment.line}", text
        for service in self._smtpd:
            if name in service.overrides and (text := self.reading.for_service(service, name).strip()):
                yield f"{name}, master.cf line {service.lines[name]}", text

    def _everything(self) -> Iterator[tuple[str, str]]:
        """Every text in which a restriction may stand."""
        for name in self.reading.main.names():
            if "check_policy_service" in self.reading.raw(name) and (found := self.reading.explicit(name)):
                yield f"{name}, main.cf line {found.line}", self.reading.effective(name)
        for service in self._smtpd:
            for name, text in service.overrides.items():
                if "check_policy_service" in text:
                    line = f"{name}, master.cf line {service.lines[name]}"
                    yield line, self.reading.for_service(service, name)

    def _place(self, text: str) -> Place | None:
        return place_of(text, self.reading.queue_directory)

    def _file(self, name: str, separator: str = "") -> tuple[str, dict[str, list[str]]]:
        """The file of a daemon, and what it says; "" where there is none."""
        if name not in self.files:
            return "", {}
        path, file = self.files[name]
        return path, settings_of(file.data if isinstance(file, File) else b"", separator)


def _missing(id: str, role: str, path: str = "") -> Declared:
    """A service that is not counted on, and what to do about that."""
    return Declared(id, role, missing=_IDLE[role].format(path=path) if path else _MISSING[role])


def _filter_at(where: str, transport: str, place: Place) -> Declared:
    is_amavis = "amavis" in transport or place.get("port") in _AMAVIS_PORTS
    name = ", ".join(place["paths"]) if "paths" in place else f"{place['host']}:{place['port']}"
    asks = (Ask("smtp", place, clean(name)),)
    if is_amavis:
        return Declared(
            "amavis", ANTISPAM, where, asks, names=("amavisd", "amavisd-new"), flags=("-c",),
            units=("amavis.service", "amavisd.service"),
        )  # fmt: skip
    return Declared(f"filter-{clean(name)}", FILTER, where, asks)


def _piped(where: str, listener: Listener) -> Declared:
    """A filter that pipe(8) starts for each message; spamc asks spamd."""
    words = [word.removeprefix("argv=") for word in listener.arguments]
    if not any(word.endswith("spamc") for word in words):
        return Declared(f"filter-{clean(listener.name)}", FILTER, where, within="postfix")
    said = {_SPAMC[flag]: value for flag, value in pairwise(words) if flag in _SPAMC}
    host, port = said.get("host", "127.0.0.1"), said.get("port", "783")
    place: Place = (
        {"paths": [said["path"]]}
        if "path" in said
        else {"host": host, "port": int(port) if port.isdigit() else 783}
    )
    asks = (Ask("spamd", place, clean(said.get("path", f"{host}:{port}"))),)
    return Declared(
        "spamd", ANTISPAM, where, asks, names=("spamd",), units=("spamd.service", "spamassassin.service")
    )
