"""Who signs what: every domain with its keys, as OpenDKIM and amavis have them, and what the DNS says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtatui.backends.dkim import keys as dkim_keys
from mtatui.backends.dkim.keys import Public, Published
from mtatui.backends.dkim.tables import KeyEntry, Kind, Rule, covers
from mtatui.backends.filters.opendkim import OpenDkim
from mtatui.backends.host import File
from mtatui.backends.resolving import Texts, Trouble
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.postfix.reading import PostfixReading
    from mtatui.settings.current import Reading

OPENDKIM, AMAVIS = "OpenDKIM", "amavis"
#: What stands for a domain where a key is for the mail of all of them.
ANY = "*"
#: As amavisd.conf has them: dkim_key('domain', 'selector', 'file'). Comments are not read.
_DKIM_KEY = re.compile(
    rb"""^\s*dkim_key\(\s*(['"])(?P<domain>[^'"]+)\1\s*,\s*(['"])(?P<selector>[^'"]+)\3\s*,"""
    rb"""\s*(['"])(?P<path>/[^'"]+)\5""",
    re.MULTILINE,
)
_SIGNING = re.compile(rb"^\s*\$enable_dkim_signing\s*=\s*['\"]?(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Identity:
    """A domain and one of its keys; or a domain of this server that has none."""

    domain: str
    selector: str = ""
    """"" for a domain without a key."""
    by: str = ""
    """Who has the key: `OPENDKIM` or `AMAVIS`."""
    signs: bool = False
    """New mail is to be signed with it."""
    senders: tuple[str, ...] = ()
    """Whose mail, as the configuration has it."""
    name: str = ""
    """What the configuration calls it."""
    path: str = ""
    """The file of the private key."""
    key: Public | None = None
    """None where it cannot be read, or there is none."""
    trouble: str = ""
    """Why nothing can be signed with it."""
    warning: str = ""
    """What else is wrong with it: others may read it."""
    published: Published | None = None
    """What the DNS says; None: it was not asked."""

    @property
    def place(self) -> str:
        """The name in the DNS; "" where there is none."""
        return dkim_keys.name(self.domain, self.selector) if self.selector and self.domain != ANY else ""

    @property
    def state(self) -> str:
        """In a word or two."""
        if not self.selector:
            return "not signed"
        if self.trouble:
            return "cannot sign" if self.signs else "not usable"
        return "signs" if self.signs else "in reserve"


@dataclass(frozen=True, slots=True)
class Listing:
    """All that is known about DKIM on a server."""

    server: str
    identities: tuple[Identity, ...]
    notes: tuple[str, ...] = ()
    """What is to be known besides: who is missing, who is not asked."""
    reading: Reading | None = None

    def of(self, domain: str) -> tuple[Identity, ...]:
        """The keys of a domain."""
        return tuple(one for one in self.identities if one.domain == domain and one.selector)

    def names(self) -> list[str]:
        """Where they are published."""
        return list(dict.fromkeys(one.place for one in self.identities if one.place))

    def checked(self, answers: Mapping[str, Texts | Trouble]) -> Listing:
        """The same with what the DNS says.

        Args:
            answers: by `Identity.place`.
        """
        return replace(self, identities=tuple(_checked(one, answers) for one in self.identities))


def _checked(one: Identity, answers: Mapping[str, Texts | Trouble]) -> Identity:
    if one.place not in answers:
        return one
    return replace(one, published=dkim_keys.compare(one.domain, one.selector, one.key, answers[one.place]))


def listing(reading: Reading, keys_of_amavis: Mapping[str, bytes]) -> Listing:
    """What a server signs.

    Args:
        reading: with the filters.
        keys_of_amavis: private keys by path; see `paths_of_amavis`.
    """
    source: PostfixReading = reading.source
    assert source.filters is not None
    opendkim = source.filters.opendkim
    found = list(_of_opendkim(opendkim)) if opendkim is not None else []
    found += _of_amavis(source.filters.files, keys_of_amavis)
    found += _unsigned(own_domains(source), found, opendkim)
    found.sort(key=lambda one: (one.domain, not one.signs, one.selector))
    return Listing(reading.server, tuple(found), tuple(_notes(source, opendkim, found)), reading)


def own_domains(source: PostfixReading) -> list[str]:
    """The domains that the server itself sends for, as far as main.cf names them."""
    host = source.effective("myhostname").lower()
    words = [source.effective("myorigin")]
    for name in ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains"):
        words += [word for word in re.split(r"[\s,]+", source.effective(name)) if word.lower() != host]
    domains = (word.lower() for word in words if re.fullmatch(r"[\w-]+(\.[\w-]+)+", word, re.ASCII))
    return list(dict.fromkeys(one for one in domains if not one.startswith("localhost.")))


def domains_of(key: KeyEntry, used: Iterable[Rule]) -> list[str]:
    """The domains that a key signs for (``d=``)."""
    if key.domain != "%":
        return [key.domain.lower()]
    return list(dict.fromkeys(rule.domain or ANY for rule in used)) or [ANY]


def _of_opendkim(opendkim: OpenDkim) -> Iterator[Identity]:
    if opendkim.elsewhere:
        return
    rules = opendkim.signing_rules()
    for key in opendkim.key_entries():
        used = [rule for rule in rules if rule.name == key.name]
        trouble = opendkim.trouble(key)
        try:
            public = opendkim.public(key)
        except ValueError:
            public = None
        warning = opendkim.unsafe(key.path) if key.path else "the key itself stands in KeyTable"
        for domain in domains_of(key, used):
            mine = [rule for rule in used if key.domain != "%" or (rule.domain or ANY) == domain]
            yield Identity(
                domain, key.selector, OPENDKIM, bool(mine) and opendkim.signs,
                tuple(clean(rule.pattern) for rule in mine), key.name, key.path, public,
                trouble, warning if warning != trouble else "",
            )  # fmt: skip


def paths_of_amavis(reading: Reading) -> list[str]:
    """The files of amavis's own keys."""
    filters = reading.source.filters
    return [path for *_, path in _said_by_amavis(filters.files)]


def _said_by_amavis(files: Mapping[str, object]) -> Iterator[tuple[bool, str, str, str]]:
    """Whether it signs; domain, selector and file of each key, as far as its files say so plainly."""
    texts = [
        file.data
        for path, file in files.items()
        if isinstance(file, File) and ("/amavis/" in path or "amavisd" in path)
    ]
    said = [word for text in texts for word in _SIGNING.findall(text)]
    signs = bool(said) and said[-1] not in (b"0", b"undef")
    for text in texts:
        for match in _DKIM_KEY.finditer(text):
            words = (match[name].decode("utf-8", "replace") for name in ("domain", "selector", "path"))
            domain, selector, path = words
            yield signs, domain.lower(), selector, path


def _of_amavis(files: Mapping[str, object], keys: Mapping[str, bytes]) -> Iterator[Identity]:
    for signs, domain, selector, path in _said_by_amavis(files):
        public, trouble = None, ""
        try:
            public = dkim_keys.public(keys[path])
        except KeyError:
            trouble = f"{clean(path)} could not be read"
        except ValueError as error:
            trouble = str(error)
        yield Identity(domain, selector, AMAVIS, signs, (), "", path, public, trouble)


def _unsigned(
    domains: Iterable[str], found: Iterable[Identity], opendkim: OpenDkim | None
) -> Iterator[Identity]:
    """The server's own domains for whose mail there is nothing."""
    there = {one.domain for one in found}
    table = opendkim.signing_table if opendkim is not None and not opendkim.elsewhere else None
    kind = table.kind if table is not None else Kind.PATTERNS
    rules = opendkim.signing_rules() if opendkim is not None and not opendkim.elsewhere else []
    for domain in domains:
        if domain not in there and not any(covers(kind, rule.pattern, f"x@{domain}") for rule in rules):
            yield Identity(domain)


def _notes(source: PostfixReading, opendkim: OpenDkim | None, found: Iterable[Identity]) -> Iterator[str]:
    amavis = any(one.by == AMAVIS for one in found)
    if opendkim is None:
        if not amavis:
            yield "Nothing signs mail here. Debian: apt install opendkim opendkim-tools."
        return
    if opendkim.elsewhere:
        yield f"What OpenDKIM signs cannot be told from here: {opendkim.elsewhere}."
        return
    names = {key.name for key in opendkim.key_entries()}
    for rule in opendkim.signing_rules():
        if rule.name not in names:
            yield (
                f"SigningTable has {clean(rule.pattern)} be signed with {clean(rule.name)}, which KeyTable "
                "does not know: such mail is turned away (451)."
            )
    if not opendkim.signs:
        yield f"OpenDKIM only verifies (Mode {clean(opendkim.get('Mode'))}): it signs nothing."
    if not opendkim.asked(source) and any(one.by == OPENDKIM for one in found):
        yield (
            "Postfix does not ask OpenDKIM: nothing is signed. Name its socket in smtpd_milters and "
            "non_smtpd_milters."
        )
