"""Keys that stand still: domains of a server that is none, for pictures and keys."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from mtatui.backends.configuration import Configuration
from mtatui.backends.dkim.keys import BEST, Public, Published, Standing, Type, compare
from mtatui.backends.dkim.listing import AMAVIS, OPENDKIM, Identity, Listing
from mtatui.backends.dkim.signing import Dkim
from mtatui.backends.dkim.work import Offer, Record
from mtatui.backends.host_local import LocalHost
from mtatui.settings.current import Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.plan import Care, Caution, Change, Command, Edit, Plan, Probe


def key(bits: int = 2048) -> Public:
    """A public key that is always the same."""
    data = b"".join(hashlib.sha256(bytes((n,))).digest() for n in range(10))[: bits // 8 + 38]
    return Public(Type.RSA, data, bits, (bits, 65537))


def of(
    domain: str, selector: str, standing: Standing, text: str = "", **other: object
) -> tuple[Identity, Published]:
    """A key of a domain, and what the DNS will say of it."""
    one = Identity(
        domain, selector, OPENDKIM, True, (f"*@{domain}",), f"{selector}._domainkey.{domain}",
        f"/etc/dkimkeys/{domain}.{selector}.private", key(),
    )  # fmt: skip
    one = replace(one, **other)  # type: ignore[arg-type]  # fields by name
    return one, Published(standing, text or f"{one.place} publishes this key.")


KEYS = (
    of("example.test", "s20261122", Standing.MATCHES),
    of("example.test", "mail", Standing.MATCHES, key=key(1024), signs=False, senders=()),
    of("list.example.test", "k1", Standing.MISSING, str(compare("list.example.test", "k1", key(), ()).text)),
    of("old.test", "k2019", Standing.REVOKED, str(compare("old.test", "k2019", key(), ("p=",)).text),
       trouble="everybody may replace it: /srv/keys is writable by all", path="/srv/keys/old.private"),
    of("partner.test", "p", Standing.UNKNOWN, "p._domainkey.partner.test: 192.0.2.53 does not answer.",
       by=AMAVIS, senders=(), key=Public(Type.ED25519, bytes(32), 256)),
)  # fmt: skip
UNSIGNED = Identity("shop.test")


class StillDkim(Dkim):
    """What there is stands in `identities`; a change becomes a plan that is told, and applied to nothing."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(LocalHost("mx1"), configuration)
        self.identities = (*(one for one, _ in KEYS), UNSIGNED)
        self.notes: tuple[str, ...] = ()
        self.answers = {one.place: published for one, published in KEYS}
        self.asked: list[tuple[object, ...]] = []
        self.hold: asyncio.Event | None = None
        """While it is set and not fired, the DNS does not answer."""
        self.trouble: Exception | None = None

    async def list(self, reading: Reading | None = None) -> Listing:
        if self.trouble is not None:
            raise self.trouble
        return Listing("mx1.example.test", self.identities, self.notes)

    async def check(self, found: Listing, *, patience: float = 10) -> Listing:
        if self.hold is not None:
            await self.hold.wait()
        told = tuple(replace(one, published=self.answers.get(one.place)) for one in found.identities)
        return replace(found, identities=told)

    async def records(self, domain: str, selector: str = "") -> tuple[Record, ...]:
        found = await self.check(await self.list())
        return tuple(
            Record(domain, one.selector, one.key, one.published)
            for one in found.of(domain)
            if one.selector == selector and one.key is not None and one.published is not None
        )

    async def generate(
        self,
        domain: str,
        selector: str = "",
        *,
        type: Type = Type.RSA,
        bits: int = BEST,
        reserve: bool = False,
    ) -> Offer:
        self.asked.append(("generate", domain, selector, type, bits, reserve))
        if domain == "refused.test":
            raise Refused("mail of refused.test is signed already (mail): rotate gives it a new key")
        return self._offer(
            domain, f"Mail of {domain} is signed from now on, with the selector s20261122.", reserve
        )

    async def rotate(
        self,
        domain: str,
        selector: str = "",
        *,
        now: bool = False,
        type: Type | None = None,
        bits: int = BEST,
    ) -> Offer:
        self.asked.append(("rotate", domain, selector))
        return self._offer(domain, f"A new key of {domain}, RSA 2048, for OpenDKIM's eyes only.", False)

    async def stop(self, domain: str, selector: str = "") -> Offer:
        self.asked.append(("stop", domain, selector))
        return self._offer(
            domain, f"Mail of {domain} is not signed any more. Its keys stay in reserve.", False
        )

    def _offer(self, domain: str, words: str, grave: bool) -> Offer:
        private = b"-----BEGIN PRIVATE KEY-----\nMIISECRETSECRETSECRET\n-----END PRIVATE KEY-----\n"
        table = b"mail._domainkey.example.test example.test:mail:/etc/dkimkeys/mail.private\n"
        name, path = f"s20261122._domainkey.{domain}", f"/etc/dkimkeys/{domain}.s20261122.private"
        line = f"{name} {domain}:s20261122:{path}\n".encode()
        self.configuration._planned = {}  # type: ignore[attr-defined]  # the still one's
        return Offer(
            Plan(
                "mx1.example.test",
                (Change(f"dkim.{domain}", f"DKIM of {domain}", "not signed", "selector s20261122"),),
                (words,),
                (Edit("/etc/dkimkeys/keytable", table, table + line), Edit(path, None, private, mode=0o600)),
                "/etc/postfix",
                cautions=(
                    Caution(f"Until its record is published, no signature verifies. {name} has none.", grave),
                ),
                care=(
                    Care(
                        "opendkim",
                        (Command(("opendkim", "-n", "-x", "{file:/etc/opendkim.conf}")),),
                        take=(Command(("systemctl", "reload", "opendkim.service")),),
                        probe=Probe("milter", "opendkim", "/run/opendkim/opendkim.sock"),
                    ),
                ),
            )
        )
