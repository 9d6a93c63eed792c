"""A change of what is signed, on its way from the wish to an offer: new keys, their records, their plan.

Keys are made on the server by its openssl; the plan alone writes them, and where there is a file already,
nothing is ever written.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtatui.backends import planning, resolving
from mtatui.backends.dkim import changes as dkim_changes
from mtatui.backends.dkim import keys as dkim_keys
from mtatui.backends.dkim.keys import BEST, MOST, Public, Published, Standing, Type
from mtatui.backends.dkim.tables import KeyEntry
from mtatui.backends.filters.opendkim import OpenDkim
from mtatui.backends.host import Host, HostError, Missing
from mtatui.backends.postfix.draft import Draft
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Change, Plan
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.settings.current import Reading

#: Seconds for what is asked of the DNS before a change: it is told, not waited for.
PATIENCE = 5.0

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$)(?:_?{_LABEL}\.)+{_LABEL}")
_SELECTOR = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Record:
    """What is to be published, and whether it is."""

    domain: str
    selector: str
    key: Public
    published: Published

    @property
    def name(self) -> str:
        """Where: ``selector._domainkey.domain``."""
        return dkim_keys.name(self.domain, self.selector)

    @property
    def text(self) -> str:
        """The record itself, in one piece."""
        return dkim_keys.record(self.key)

    @property
    def zone(self) -> list[str]:
        """As a zone file wants it."""
        return dkim_keys.zone(self.domain, self.selector, self.key)

    @property
    def pending(self) -> bool:
        """It is still to be published."""
        return self.published.standing is not Standing.MATCHES


@dataclass(frozen=True, slots=True)
class Offer:
    """A change that could be made."""

    plan: Plan
    records: tuple[Record, ...] = ()
    """The records that go with it."""
    next: str = ""
    """What is to be done once it is applied, in words."""


class Work:
    """One change that is being made up."""

    def __init__(self, host: Host, reading: Reading, domain: str) -> None:
        """Nothing is changed yet.

        Raises:
            Refused: OpenDKIM is not there, or cannot be changed from here; or this is no domain.
        """
        self.host = host
        self.reading = reading
        self.domain = domain_of(domain)
        self.draft = Draft(reading.source)
        opendkim: OpenDkim | None = reading.source.filters.opendkim
        if opendkim is None:
            raise Refused("OpenDKIM is not set up here. Debian: apt install opendkim opendkim-tools")
        if opendkim.elsewhere:
            raise Refused(f"what OpenDKIM signs cannot be changed from here: {opendkim.elsewhere}")
        self.opendkim = opendkim
        self.before = " and ".join(self.selectors()) or "not signed"
        """How mail of the domain is signed before the change, in words."""

    def selectors(self) -> list[str]:
        """The selectors with which mail of the domain is signed by rules of its own."""
        try:
            used = {rule.name for rule in dkim_changes.signing(self.opendkim, self.domain)}
        except Refused:
            return []  # a wider rule, before which its own may stand
        return [clean(key.selector) for key in self.opendkim.key_entries() if key.name in used]

    async def new_key(self, selector: str, type: Type, bits: int) -> Record:
        """Have a key more, which signs nothing yet.

        Args:
            selector: "" for one made of today's date.

        Raises:
            Refused: not so; HostError: openssl is not there, or failed.
        """
        selector = selector_of(selector) if selector else self._free()
        if dkim_changes.key_of(self.opendkim, self.domain, selector) is not None:
            raise Refused(f"there is a key of {self.domain} with the selector {selector} already")
        path = f"{self.opendkim.directory}/{self.domain}.{selector}.private"
        file = (await self.host.files([path]))[path]
        if not isinstance(file, Missing):
            raise Refused(f"{path} is there already, and no key is ever overwritten: choose another selector")
        known = replace(self.draft.filters, files={**self.draft.filters.files, path: file})
        self.draft.before = replace(self.draft.before, filters=known)
        self.draft.filters = known
        private = await make(self.host, type, bits)
        self.opendkim = dkim_changes.add_key(self.opendkim, self.domain, selector, path, private)
        self._mind_who_reads(path)
        key = dkim_changes.key_of(self.opendkim, self.domain, selector)
        assert key is not None
        record = await self.record(key)
        self.draft.say(f"A new key of {self.domain}, {record.key}, for OpenDKIM's eyes only: {path}.")
        if record.published.standing not in (Standing.MISSING, Standing.UNKNOWN):
            self.draft.warn(f"{record.name} has a record already, which is not of this key: replace it.")
        return record

    def sign(self, record: Record) -> None:
        """Have mail of the domain be signed with a key.

        Raises:
            Refused: OpenDKIM cannot use it beside others.
        """
        self.opendkim = dkim_changes.sign(self.opendkim, self.domain, record.selector)

    async def record(self, key: KeyEntry) -> Record:
        """The record of a key, and what is published in its place.

        Raises:
            Refused: the key cannot be read.
        """
        try:
            public = self.opendkim.public(key)
        except ValueError as error:
            raise Refused(f"the key {clean(key.selector)} of {self.domain}: {error}") from None
        place = dkim_keys.name(self.domain, key.selector)
        answer = (await resolving.txt(self.host, [place], patience=PATIENCE))[place]
        published = dkim_keys.compare(self.domain, key.selector, public, answer)
        return Record(self.domain, key.selector, public, published)

    def offer(self, after: str, *records: Record, next: str = "") -> Offer:
        """What it has come to.

        Args:
            after: how mail is signed then, in words.
        """
        self.draft.filters = replace(self.draft.filters, opendkim=self.opendkim)
        if not self.opendkim.asked(self.draft.before):
            self.draft.warn(
                "Postfix does not ask OpenDKIM about any mail: name its socket in smtpd_milters and "
                "non_smtpd_milters, or nothing is signed."
            )
        change = Change(f"dkim.{self.domain}", f"DKIM of {self.domain}", self.before, after)
        plan = planning.finished(self.reading.server, self.draft, [change])
        return Offer(plan, records, next)

    def _free(self) -> str:
        """A selector that says when it was made, and is not taken."""
        day = time.strftime("s%Y%m%d")
        taken = {key.selector for key in self.opendkim.key_entries() if key.domain.lower() == self.domain}
        names = (day, *(f"{day}{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"))
        return next((name for name in names if name not in taken), "")

    def _mind_who_reads(self, path: str) -> None:
        why = self.opendkim.unsafe(path)
        if why and self.opendkim.yes("RequireSafeKeys", True):
            told = f"OpenDKIM refuses this key, and mail to be signed with it is turned away (451): {why}."
            self.draft.warn(told, grave=True)
        elif why:
            self.draft.warn(f"The key is not safe: {why}.")


async def make(host: Host, type: Type, bits: int) -> bytes:
    """A new private key (PEM, PKCS #8).

    Raises:
        Refused: nobody should have such a key.
        HostError: openssl is not there, or failed.
    """
    if type is Type.ED25519:
        able = await host.run(["opendkim", "-V"])
        if b"ed25519" not in able.stdout + able.stderr:
            raise Refused("this OpenDKIM knows no Ed25519 (opendkim -V): take rsa")
        wanted = ["-algorithm", "ED25519"]
    elif BEST <= bits <= MOST:
        wanted = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"]
    else:
        why = f"fewer than {BEST} are weak (RFC 8301), more than {MOST} are not verified everywhere"
        raise Refused(f"an RSA key has {BEST} to {MOST} bits: {why}")
    try:
        made = await host.run(["openssl", "genpkey", *wanted], timeout=60, note="makes a key")
    except Missing:
        raise Missing(f"There is no openssl on {host.name}, which makes the keys: install it.") from None
    if made.returncode != 0:
        said = made.errors.rpartition("\n")[2] or "it said nothing"
        raise HostError(f"openssl could not make a key: {said}")
    return made.stdout


def domain_of(text: str) -> str:
    """A domain as the DNS has it.

    Raises:
        Refused: it is none.
    """
    domain = text.strip().rstrip(".").lower()
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not _DOMAIN.fullmatch(domain):
        raise Refused(f'"{clean(text)}" is no domain')
    return domain


def selector_of(text: str) -> str:
    """A selector: letters, digits, hyphens, and dots between (RFC 6376, 3.1).

    Raises:
        Refused: it is none.
    """
    selector = text.strip()
    if not _SELECTOR.fullmatch(selector) or len(selector) > 63:
        raise Refused(f'"{clean(text)}" is no selector: letters, digits and hyphens, with dots between')
    return selector
