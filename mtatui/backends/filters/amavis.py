"""amavisd-new: its files as they are read, what amavisd makes of them, and our own file, which is read last.

Debian reads all files of two directories, those whose names have no dot, in the order of the names; elsewhere
there is one amavisd.conf. Ours is ``60-mtatui`` (or, where other files would be read after it, a later name)
or ``mtatui.conf`` beside amavisd.conf, which gets one line that includes it. The admin's files stay as they
are. Sources: amavisd(8), README.Debian, amavisd's own Amavis/Conf.pm.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mtatui.backends.filters import amavis_asking, amavis_perl
from mtatui.backends.filters.amavis_perl import Own, quote
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Files, Filters, Written
from mtatui.backends.host import File, Host, HostError, Missing, NotPermitted
from mtatui.settings.current import Finding
from mtatui.settings.plan import Care, Command, Probe

if TYPE_CHECKING:
    from mtatui.backends.postfix.reading import PostfixReading

#: Names of files that Debian's run-parts(8) takes.
_TAKEN = re.compile(r"[A-Za-z0-9_-]+")
_OURS = re.compile(r"(?:\d+|zz)-mtatui")
#: Our file's name: the first that comes after all others.
_NAMES = ("60-mtatui", "90-mtatui", "99-zz-mtatui", "zz-mtatui")
_ONE = "mtatui.conf"
_GROUPS = "/etc/group"
#: What amavisd says in its log after a SIGHUP, at its lowest levels.
_ANEW, _REJECTS = r"starting\. *\(warm\)", r"Rejecting reload"

#: What amavisd made of files, by the files and their digests: they are not run again while they are the same.
_known: dict[tuple[object, ...], dict[str, Any]] = {}
_MOST_KNOWN = 16


@dataclass(frozen=True)
class Amavis:
    """It, as it is configured; in a draft as it would be."""

    files: tuple[str, ...]
    """The paths of its files in the order in which they are read, without ours."""
    read: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What is in them, by path, ours included."""
    own_path: str = ""
    """Where our file is, or would be: the last that is read."""
    stands_at: str = ""
    """Where it stands now, if it does."""
    one_file: str = ""
    """The one amavisd.conf, where there is no directory."""
    own: Own = field(default_factory=Own)
    was: Own = field(default_factory=Own)
    """Our file as it was read."""
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What its variables are, as amavisd says: see `mtatui.backends.filters.amavis_asking`."""
    base: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What they would be without our file."""
    trouble: str = ""
    """Why that is not known, in words; "" where it is."""
    broken: bool = False
    """amavisd itself cannot read its files: it would not start."""
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Who is in which group, by /etc/group."""
    program: str = "amavisd"

    # -- what is set

    def get(self, name: str) -> Any:
        """A variable as it is: ``$sa_kill_level_deflt`` or ``@bypass_virus_checks_maps``."""
        return self.values.get(name.removeprefix("$"))

    def assign(self, name: str, value: Any, expression: str | None = None) -> Amavis:
        """Have a variable be something. Our file says it, unless it is so by itself.

        Args:
            value: as amavisd would tell it: a text, None for undef; of a list, its list.
            expression: what Perl is to assign, where that is not simply the value.
        """
        key = name.removeprefix("$")
        values = {**self.values, key: value}
        own = self.own.set(name, None if self._same(key, value) else expression or _perl(value))
        return replace(self, values=values, own=own)

    def _same(self, key: str, value: Any) -> bool:
        there = self.base.get(key)
        return bool(there == value or (_float(there) is not None and _float(there) == _float(value)))

    def say(self, target: str, expression: str | None) -> Amavis:
        """Have our file assign something; None: no more."""
        return replace(self, own=self.own.set(target, expression))

    def place(self, *names: str) -> str:
        """Where one of these is set last: ``50-user, line 7``; "" for nowhere that can be seen."""
        found = self._places(names)
        if not found:
            return ""
        order = self._all()
        path, line = max(found.values(), key=lambda place: (order.index(place[0]), place[1]))
        return f"{path.rpartition('/')[2]}, line {line}"

    def _places(self, names: tuple[str, ...]) -> dict[str, tuple[str, int]]:
        there = {path: self.read[path] for path in self._all() if path in self.read}
        return amavis_perl.places(names, there)

    def _all(self) -> tuple[str, ...]:
        return _ordered(self.files, self.stands_at) if self.stands_at else self.files

    def _after(self) -> tuple[str, ...]:
        return (self.stands_at,) if self.stands_at else ()

    def explicit(self, *names: str) -> bool:
        """Whether one of these variables is set in /etc, by the admin, the distribution or us."""
        return any(not path.startswith("/usr/share/") for path, _ in self._places(names).values())

    # -- a component

    def written(self) -> dict[str, Written]:
        """Our file, and the line that includes it where it takes one."""
        if self.own == self.was:
            return {}
        data = self.own.data
        found = {self.own_path: Written(data)}
        if self.stands_at and self.stands_at != self.own_path:
            found[self.stands_at] = Written(None)
        if self.one_file and data is not None:
            there = self.read.get(self.one_file, b"")
            found[self.one_file] = Written(amavis_perl.with_include(there, self.own_path))
        return found

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterator[Care]:
        """A look by amavisd at the staged files; one reload, and its greeting."""
        mine = {self.own_path, self.one_file, *self._after()} - {""}
        if not mine & edited.keys():
            return
        own = self.own.data if self.own_path in edited else self.read.get(self.own_path)
        staged = _ordered(self.files, self.own_path) if own is not None else self.files
        options = [word for path in staged for word in ("-c", f"{{file:{path}}}" if path in edited else path)]
        # amavisd would look again as its own user, who may not see what is staged.
        check = ("env", "AMAVIS_TEST_CONFIG=1", self.program, *options, "test-config")
        yield replace(
            self.taking(filters), checks=(Command(check, refuses=r"^(Error|Global symbol|syntax error)"),)
        )

    def taking(self, filters: Filters) -> Care:
        """What has it take new files, whosever they are: SpamAssassin's rules, too."""
        unit = filters.units.get("amavis")
        reload = Command((self.program, *(("-c", self.one_file) if self.one_file else ()), "reload"))
        if unit is not None and unit.manager == "systemd":
            reload = unit.command("reload")
        # It looks at its files before it begins anew; or it goes on as it was.
        reload = replace(reload, awaits=_ANEW, refuses=_REJECTS)
        host, port = self.listens
        return Care(
            "amavis",
            running=unit.running if unit is not None else None,
            take=(reload,),
            back=(unit.command("restart"),) if unit is not None else (),
            probe=Probe("amavis", "amavis", host, port) if port else None,
            logs=tuple(filter(None, [self.get("logfile")])),
        )

    @property
    def listens(self) -> tuple[str, int]:
        """Where it takes mail by SMTP; port 0 where it does not."""
        ports = self.get("inet_socket_port")
        for port in ports if isinstance(ports, list) else [ports]:
            if isinstance(port, str) and port.isdigit() and 0 < int(port) < 65536:
                return self._bound(), int(port)
        return "", 0

    def _bound(self) -> str:
        bind = self.get("inet_socket_bind")
        addresses = [one for one in (bind if isinstance(bind, list) else [bind]) if isinstance(one, str)]
        named = [one.strip("[]") for one in addresses if one.strip("[]:0.*")]
        return "127.0.0.1" if "127.0.0.1" in named or not named else named[0]

    @property
    def dkim_keys(self) -> tuple[tuple[str, str, str], ...]:
        """Keys with which it signs (dkim_key): domain, selector, the key's file."""
        keys = self.get("dkim_keys")
        return tuple((key[0] or "", key[1] or "", key[2] or "") for key in keys or () if len(key) == 3)

    def used(self, reading: PostfixReading) -> bool:
        """Whether Postfix hands mail to it: as a content filter, a proxy, or through a milter."""
        from mtatui.backends.filters.amavis_postfix import ways

        return bool(ways(reading, self))

    def findings(self, reading: PostfixReading) -> Iterable[Finding]:
        """What is wrong with it, or not as it seems."""
        from mtatui.backends.filters.amavis_lint import findings

        return findings(reading, self)


def _perl(value: Any) -> str:
    """A value as Perl has it."""
    if value is None:
        return "undef"
    text = str(value)
    return text if re.fullmatch(r"-?(?:0|[1-9]\d{0,8})(?:\.\d{1,6})?", text) else quote(text)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


async def read(host: Host, places: Places, files: Files) -> Amavis | None:
    """Read its files, and have amavisd say what it makes of them; None where there is none.

    Raises:
        HostError: the server does not answer.
    """
    program = next((name for name in ("amavisd", "amavisd-new") if host.can(name)), "")
    if not program:
        return None
    try:
        listed = await _listed(host, places, files)
    except NotPermitted as error:
        return Amavis((), trouble=str(error), program=program)
    if listed is None:
        return None
    amavis = replace(listed, program=program)
    for path in (*amavis.files, *amavis._after()):
        if isinstance(there := files.get(path), HostError):
            return replace(amavis, trouble=str(there))
    ordered = amavis.files
    if amavis.stands_at and not amavis.one_file:  # the one includes ours
        ordered = _ordered(amavis.files, amavis.stands_at)
    try:
        asked = [_ask(host, amavis, ordered, files, without=False)]
        if amavis.stands_at:
            asked.append(_ask(host, amavis, ordered, files, without=True))
        found = await asyncio.gather(*asked)
    except amavis_asking.Closed as error:
        return replace(amavis, trouble=f"only root can ask amavis what its files say: {error}")
    except amavis_asking.Unclear as error:
        return replace(amavis, trouble=f"amavis cannot read its own files: {error}", broken=True)
    return replace(amavis, values=found[0], base=found[-1])


def _ordered(files: Sequence[str], own: str) -> tuple[str, ...]:
    """Files in the order in which they are read, with ours in its place: others may have names that come
    after all that ours may have."""
    directory = own.rpartition("/")[0]
    before = [path for path in files if not path.startswith(f"{directory}/") or path < own]
    return (*before, own, *files[len(before) :])


async def _listed(host: Host, places: Places, files: Files) -> Amavis | None:
    """What there is, and where ours stands or would stand."""
    files.update(await host.files([_GROUPS, *(path for path in places.amavis if not path.endswith("/"))]))
    groups = _groups(files.get(_GROUPS))
    for place in places.amavis:
        if not place.endswith("/"):
            if isinstance(files.get(place), Missing):
                continue
            own = f"{place.rpartition('/')[0]}/{_ONE}"
            files.update(await host.files([own]))
            stands = "" if isinstance(files[own], Missing) else own
            return _filled(Amavis((place,), own_path=own, stands_at=stands, one_file=place), files, groups)
        try:
            names = await host.names(place)
        except Missing:
            continue
        taken = [name for name in names if _TAKEN.fullmatch(name)]
        ours = [name for name in taken if _OURS.fullmatch(name)]
        others = sorted(set(taken) - set(ours))
        last = next((name for name in _NAMES if not others or name > others[-1]), _NAMES[-1])
        paths = [*await _packaged(host, places), *(f"{place}{name}" for name in others)]
        own = place + last
        files.update(await host.files([*paths, own, *(place + name for name in ours)]))
        found = Amavis(tuple(paths), own_path=own, stands_at=place + ours[-1] if ours else "")
        return _filled(found, files, groups)
    return None


async def _packaged(host: Host, places: Places) -> list[str]:
    """The files that the package keeps for itself, read before those of /etc."""
    for place in places.amavis_packaged:
        try:
            return [place + name for name in sorted(await host.names(place)) if _TAKEN.fullmatch(name)]
        except HostError:
            continue
    return []


def _filled(amavis: Amavis, files: Files, groups: Mapping[str, frozenset[str]]) -> Amavis:
    paths = (*amavis.files, *amavis._after())
    read = {path: file.data for path in paths if isinstance(file := files.get(path), File)}
    own = amavis_perl.parse(read[amavis.stands_at]) if amavis.stands_at in read else Own()
    return replace(amavis, read=read, own=own, was=own, groups=groups)


def _groups(file: File | HostError | None) -> dict[str, frozenset[str]]:
    text = file.data.decode("utf-8", "replace") if isinstance(file, File) else ""
    rows = (line.split(":") for line in text.splitlines())
    return {row[0]: frozenset(filter(None, row[3].split(","))) for row in rows if len(row) == 4}


async def _ask(
    host: Host, amavis: Amavis, paths: Sequence[str], files: Files, *, without: bool
) -> dict[str, Any]:
    read = (*paths, *amavis._after())
    tags = [(path, file.tag) for path in read if isinstance(file := files.get(path), File)]
    key = (host.name, id(host), without, *tags)
    if key not in _known:
        found = await amavis_asking.ask(host, paths, without=without)
        while len(_known) >= _MOST_KNOWN:
            del _known[next(iter(_known))]
        _known[key] = found
    return _known[key]
