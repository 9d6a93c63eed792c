"""OpenDKIM, as it is configured: which keys it has, whose mail it signs with which, what is wrong with that.

It knows two ways: tables (KeyTable, SigningTable), or one key for all (Domain, Selector, KeyFile). What it
cannot load it says nothing of until there is mail: then that mail gets a 451. Sources: opendkim.conf(5),
opendkim(8), and tried on opendkim 2.11.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mtatui.backends.dkim import keys as dkim_keys
from mtatui.backends.dkim.keys import Public, Type
from mtatui.backends.dkim.safe import Node, People, Person, above, unsafe
from mtatui.backends.dkim.tables import (
    KeyEntry,
    Place,
    Rule,
    Table,
    elements,
    keys,
    place,
    rules,
)
from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.places import Places
from mtatui.backends.filters.reading import Files, Filters, Written, first
from mtatui.backends.host import File, Host, HostError
from mtatui.backends.services.places import milters_of, opendkim_socket, place_of, same
from mtatui.settings.current import Finding
from mtatui.settings.plan import Care, Command, Probe
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.postfix.reading import PostfixReading

PASSWD, GROUP = "/etc/passwd", "/etc/group"
#: The tables that are ours, where there were none: below the directory of the keys.
OUR_KEYS, OUR_RULES = "mtatui.keytable", "mtatui.signingtable"
#: What opendkim tells its log when it cannot take a configuration.
_NO = r"dkimf_db_open\(\)|configuration error|unrecognized parameter|ignoring reload|key data is not secure"
#: The mode of a private key, and of tables.
PRIVATE, LISTED = 0o600, 0o644


@dataclass(frozen=True)
class OpenDkim:
    """Its configuration."""

    path: str
    conf: Conf
    tables: Mapping[str, Table] = field(default_factory=dict)
    """KeyTable, SigningTable, and the file of Domain, by path, as far as they are there."""
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Private keys, by path."""
    nodes: Mapping[str, Node] = field(default_factory=dict, repr=False)
    """What is known of files and directories."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Why a file could not be read, by path."""
    people: People = field(default_factory=People, repr=False)
    directory: str = ""
    """Where new keys go."""

    # -- what it says ----------------------------------------------------------------------------------------

    def get(self, name: str) -> str:
        """What is set; the last one counts. "" where it is not."""
        return (self.conf.all(name) or ("",))[-1]

    def yes(self, name: str, default: bool) -> bool:
        """A switch, of which opendkim reads the first letter."""
        first_letter = self.get(name)[:1]
        return default if first_letter not in "TtYy1FfNn0" or not first_letter else first_letter in "TtYy1"

    @property
    def user(self) -> Person | None:
        """As whom it runs; None where that is not to be found out. Where nobody says it, its keys' directory
        tells by its owner."""
        name = self.get("UserID").replace(".", ":", 1).partition(":")[0]
        if name:
            return self.people.users.get(name)
        home = self.nodes.get(self.directory)
        persons = self.people.users.values()
        return next((one for one in persons if home is not None and one.uid == home.uid), None)

    @property
    def owner(self) -> str:
        """To whom its files belong; "" for root."""
        if said := self.get("UserID"):
            return self.people.owner(said)
        return self.people.owner(self.user.name) if self.user is not None else ""

    @property
    def key_table(self) -> Place | None:
        """Where KeyTable is; None where there is none, or none in a text file."""
        return place(self.get("KeyTable"))

    @property
    def signing_table(self) -> Place | None:
        """Where SigningTable is."""
        return place(self.get("SigningTable"))

    @property
    def elsewhere(self) -> str:
        """Why its keys cannot be told from here, in words; "" where they can."""
        for name in ("KeyTable", "SigningTable"):
            said = self.get(name)
            if said and place(said) is None:
                return f"its {name} is in no text file ({clean(said.partition(':')[0] or said)})"
            if said and (there := place(said)) and there.path in self.errors:
                return self.errors[there.path]
        if script := next(filter(None, map(self.get, ("SetupPolicyScript", "Include"))), ""):
            return f"{clean(script)} says more about it"
        if self.path in self.errors:
            return self.errors[self.path]
        return ""

    @property
    def algorithm(self) -> Type:
        """With keys of which type it signs: one for all of them."""
        return Type.ED25519 if self.get("SignatureAlgorithm").lower().startswith("ed25519") else Type.RSA

    @property
    def signs(self) -> bool:
        """Whether it signs at all (Mode)."""
        return "s" in (self.get("Mode").lower() or "sv")

    def key_entries(self) -> list[KeyEntry]:
        """Its keys, whichever way they are said."""
        if self.get("KeyTable"):
            there = self.key_table
            return [self._resolved(key) for key in keys(self._table(there))] if there else []
        selector, key = self.get("Selector"), self.get("KeyFile")
        if not selector or not key:
            return []
        return [self._resolved(KeyEntry(domain, domain, selector, key)) for domain in self.single()]

    def signing_rules(self) -> list[Rule]:
        """Whose mail is signed with which of them."""
        if self.get("KeyTable"):
            there = self.signing_table
            return rules(self._table(there)) if there else []
        below = self.yes("SubDomains", False)
        return [
            Rule(pattern, domain)
            for domain in self.single()
            for pattern in (f"*@{domain}", *([f"*@*.{domain}"] if below else []))
        ]

    def single(self) -> list[str]:
        """The domains for which there is one key (Domain)."""
        said = self.get("Domain")
        there = place(said)
        return list(self._table(there).words) if there else elements(said)

    def public(self, key: KeyEntry) -> Public:
        """The public half of a key.

        Raises:
            ValueError: it cannot be read, in words.
        """
        if not key.path:
            return dkim_keys.public(key.key.encode("utf-8", "surrogateescape"))
        if key.path in self.keys:
            return dkim_keys.public(self.keys[key.path])
        raise ValueError(self.errors.get(key.path, f"{clean(key.path)} was not read"))

    def trouble(self, key: KeyEntry) -> str:
        """Why mail cannot be signed with a key, in words; "" where it can."""
        if "%" in key.key:
            return ""
        try:
            public = self.public(key)
        except ValueError as error:
            return str(error)
        if public.type is not self.algorithm:
            return (
                f"it is of type {public.type}, and SignatureAlgorithm has all mail be signed with "
                f"{self.algorithm}: such signatures are no good"
            )
        if key.path and self.yes("RequireSafeKeys", True):
            return self.unsafe(key.path)
        return ""

    def unsafe(self, path: str) -> str:
        """Why others than opendkim could use or replace a key, in words; "" where they cannot."""
        node = self.nodes.get(path)
        return unsafe(path, node, self.nodes, self.user, self.people) if node is not None else ""

    # -- as a component --------------------------------------------------------------------------------------

    def written(self) -> dict[str, Written]:
        """Its files; see `mtatui.backends.filters.reading.Component`."""
        found = {self.path: Written(self.conf.data)}
        for path, table in self.tables.items():
            inline = tuple(key.key for key in keys(table) if not key.path)
            found[path] = Written(table.data, LISTED, inline, self.owner)
        for path, key in self.keys.items():
            text = key.decode("utf-8", "replace")
            found[path] = Written(key, PRIVATE, (text.strip(),) if "-----" not in text else (), self.owner)
        return found

    def care(self, edited: Mapping[str, bytes | None], filters: Filters) -> Iterable[Care]:
        """What it needs when its files change: a reload is enough, and cuts off nobody's mail."""
        if not edited.keys() & {self.path, *self.tables, *self.keys}:
            return
        unit = filters.units.get("opendkim")
        check = Command(("opendkim", "-n", "-x", f"{{file:{self.path}}}"))
        if unit is None:
            by_hand = "have opendkim read it (kill -USR1): nobody here knows how it was started"
            yield Care("opendkim", (check,), words=by_hand)
            return
        take = unit.command("reload" if self._reloads() else "restart")
        socket = opendkim_socket(self.get("Socket"))
        probe = None
        if socket is not None:
            where = socket["paths"][0] if "paths" in socket else socket["host"]
            probe = Probe("milter", "opendkim", where, socket.get("port", 0))
        yield Care(
            "opendkim",
            (check,),
            running=unit.running,
            take=(replace(take, refuses=_NO),),
            back=(take,),
            probe=probe,
        )

    def _reloads(self) -> bool:
        """Whether it can read all of its files anew: it has given up root by then."""
        user = self.user
        for path in (self.path, *self.tables):
            node = self.nodes.get(path)
            over = (self.nodes.get(directory) for directory in above(path))
            if node is not None and not self.people.may_read(user, node):
                return False
            if not all(one is None or self.people.may_read(user, one, 1) for one in over):
                return False
        return True

    def findings(self, reading: PostfixReading) -> Iterator[Finding]:
        """What is wrong with it."""
        if self.elsewhere or not self.signs:
            return
        known = {key.name: key for key in self.key_entries()}
        told = set()
        for rule in self.signing_rules():
            key = known.get(rule.name)
            where = f"{self.path}: {rule.pattern}"
            why = self.trouble(key) if key is not None else f"there is no key called {rule.name}"
            if why and rule.name not in told:
                told.add(rule.name)
                text = f"Mail of {rule.pattern} cannot be signed, and is turned away with 451: {why}."
                yield Finding("dkim-key", clean(text), grave=True, where=clean(where))
            elif key is not None and key.path not in told and (why := self.unsafe(key.path)):
                told.add(key.path)
                yield Finding(
                    "dkim-key-open",
                    f"The key of {clean(rule.pattern)} is not safe: {why}.",
                    where=clean(where),
                )
        if known and not self.asked(reading):
            text = (
                "OpenDKIM is set up to sign, but Postfix does not ask it: mail goes out unsigned. Name its "
                "socket in smtpd_milters and non_smtpd_milters."
            )
            yield Finding("dkim-not-asked", text, where=self.path)

    def asked(self, reading: PostfixReading) -> bool:
        """Whether Postfix asks it about any mail."""
        socket = opendkim_socket(self.get("Socket"))
        said = [reading.effective(name) for name in ("smtpd_milters", "non_smtpd_milters")]
        for name in ("smtpd_milters", "non_smtpd_milters"):
            said += [reading.for_service(service, name) for service in reading.services("smtpd", "cleanup")]
        places = (place_of(word, reading.queue_directory) for text in said for word in milters_of(text))
        return any(there is not None and (socket is None or same(socket, there)) for there in places)

    # -- inside ----------------------------------------------------------------------------------------------

    def _table(self, there: Place | None) -> Table:
        return self.tables.get(there.path, Table()) if there is not None else Table()

    def _resolved(self, key: KeyEntry) -> KeyEntry:
        base = self.get("BaseDirectory")
        if key.path.startswith(".") and base:
            return replace(key, key=posixpath.normpath(posixpath.join(base, key.path)))
        return key


async def read(host: Host, places: Places, files: Files) -> OpenDkim | None:
    """Its configuration; None where there is none.

    Args:
        files: what was read so far; what is read here is added.
    """
    found = first(places.opendkim, files)
    if found is None:
        return None
    path, file = found
    if not isinstance(file, File):
        return OpenDkim(path, Conf(""), errors={path: str(file)})
    self = OpenDkim(path, Conf.parse(file.data, comments_anywhere=True))
    named = [there for name in ("KeyTable", "SigningTable", "Domain") if (there := place(self.get(name)))]
    candidates = [f"{one}{name}" for one in places.dkim_keys for name in (OUR_KEYS, OUR_RULES)]
    wanted = [*(there.path for there in named), PASSWD, GROUP, *candidates]
    files |= await host.files(wanted)
    passwd, group = (one.data if isinstance(one := files[name], File) else b"" for name in (PASSWD, GROUP))
    people = People.parse(passwd, group)
    tables = {
        there.path: Table.parse(one.data) for there in named if isinstance(one := files[there.path], File)
    }
    self = replace(self, tables=tables, people=people)
    paths = list(dict.fromkeys(key.path for key in self.key_entries() if key.path and "%" not in key.path))
    files |= await host.files(paths)
    keys = {path: one.data for path in paths if isinstance(one := files[path], File)}
    directories = dict.fromkeys(
        [one for path in (*paths, *tables, self.path) for one in above(path)]
        + [one.rstrip("/") for one in places.dkim_keys]
    )
    nodes = await _nodes(host, directories)
    homes = [posixpath.dirname(path) for path in paths] + [one.rstrip("/") for one in places.dkim_keys]
    for name in (*paths, *tables, self.path):
        if isinstance(one := files[name], File):
            nodes[name] = Node(one.mode, one.uid, one.gid)
    errors = {
        name: str(one)
        for name in (*(there.path for there in named), *paths)
        if isinstance(one := files[name], HostError)
    }
    directory = next((one for one in homes if one in nodes), homes[0])
    return replace(self, keys=keys, nodes=nodes, errors=errors, directory=directory)


async def _nodes(host: Host, paths: Iterable[str]) -> dict[str, Node]:
    """What directories are; those of which nothing is to be learned are left out."""
    try:
        ran = await host.run(["stat", "-L", "-c", "%f %u %g %n", "--", *paths])
    except HostError:
        return {}
    found = {}
    for line in ran.stdout.decode("utf-8", "surrogateescape").splitlines():
        if match := re.fullmatch(r"([0-9a-f]+) (\d+) (\d+) (/.*)", line):
            found[match[4]] = Node(int(match[1], 16) & 0o7777, int(match[2]), int(match[3]))
    return found
