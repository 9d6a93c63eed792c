"""DKIM on one server: who signs what, whether the DNS has it, new keys, new selectors, and no longer signing.

Both faces stand on this. A change becomes an `Offer`: a plan like any other, applied like any other (see
`mtatui.backends.configuration`), and the records that go with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtatui.backends import resolving
from mtatui.backends.dkim import changes as dkim_changes
from mtatui.backends.dkim.keys import BEST, Type
from mtatui.backends.dkim.listing import Listing, listing, paths_of_amavis
from mtatui.backends.dkim.work import Offer, Record, Work, domain_of
from mtatui.backends.host import File, Host
from mtatui.settings.kinds import Refused
from mtatui.text import clean

if TYPE_CHECKING:
    from mtatui.backends.configuration import Configuration
    from mtatui.settings.current import Reading


class Dkim:
    """DKIM on one server."""

    def __init__(self, host: Host, configuration: Configuration) -> None:
        """Nothing is read yet."""
        self.host = host
        self.configuration = configuration

    # -- looking ---------------------------------------------------------------------------------------------

    async def list(self, reading: Reading | None = None) -> Listing:
        """Who signs what, as it is configured.

        Args:
            reading: with the filters; None: it is read now.

        Raises:
            HostError: the server does not answer.
        """
        if reading is None or reading.source.filters is None:
            reading = await self.configuration.read()
        files = await self.host.files(paths_of_amavis(reading))
        keys = {path: file.data for path, file in files.items() if isinstance(file, File)}
        return listing(reading, keys)

    async def check(self, found: Listing, *, patience: float = resolving.PATIENCE) -> Listing:
        """The same, with what the DNS says of every key."""
        return found.checked(await resolving.txt(self.host, found.names(), patience=patience))

    async def records(self, domain: str, selector: str = "") -> tuple[Record, ...]:
        """The records of a domain's keys, or of one of them; those first that sign.

        Raises:
            Refused: there is no such key, or it cannot be read.
            HostError: the server does not answer.
        """
        domain = domain_of(domain)
        found = await self.check(await self.list())
        keys = [one for one in found.of(domain) if selector in ("", one.selector)]
        if not keys:
            called = f" with the selector {clean(selector)}" if selector else ""
            raise Refused(f"there is no key of {domain}{called} here")
        records = tuple(
            Record(domain, one.selector, one.key, one.published)
            for one in keys
            if one.key is not None and one.published is not None
        )
        if not records:
            raise Refused(f"the key {keys[0].selector} of {domain}: {keys[0].trouble}")
        return records

    # -- changing --------------------------------------------------------------------------------------------

    async def generate(
        self,
        domain: str,
        selector: str = "",
        *,
        type: Type = Type.RSA,
        bits: int = BEST,
        reserve: bool = False,
    ) -> Offer:
        """A key for a domain that is not signed yet, and its mail signed with it.

        Args:
            selector: of a key in reserve: that one is taken; of none: the new key gets it. "" for a new one
                whose selector says the date.
            bits: of an RSA key.
            reserve: only a new key: nothing is signed with it yet.

        Raises:
            Refused: it cannot be, in words.
            HostError: the server does not answer.
        """
        work = await self._begin(domain)
        if not reserve and work.selectors():
            raise Refused(
                f"mail of {work.domain} is signed already ({work.before}): rotate gives it a new key"
            )
        there = (
            dkim_changes.key_of(work.opendkim, work.domain, selector) if selector and not reserve else None
        )
        record = await (work.record(there) if there else work.new_key(selector, type, bits))
        publish = f"Publish the record of {record.name}." if record.pending else ""
        if reserve:
            after = f"{work.before}; {record.selector} in reserve"
            return work.offer(after, record, next=_then(publish, work, record))
        work.sign(record)
        work.draft.say(f"Mail of {work.domain} is signed from now on, with the selector {record.selector}.")
        work.draft.say(
            "Signed is what comes from InternalHosts (127.0.0.1, if not said), and from who logs in."
        )
        if record.pending:
            work.draft.warn(f"Until its record is published, no signature verifies. {record.published.text}")
        return work.offer(f"selector {record.selector}", record, next=publish)

    async def rotate(
        self,
        domain: str,
        selector: str = "",
        *,
        now: bool = False,
        type: Type | None = None,
        bits: int = BEST,
    ) -> Offer:
        """A new key for a domain that is signed, in two steps: first the key, whose record is to be
        published; said again, its mail is signed with it. The old key and its record stay.

        Args:
            selector: of a key that is there: mail is signed with that from now on; of none: the new key gets
                it. "" for the one that waits in reserve, else a new one whose selector says the date.
            now: both steps in one.
            type: None for the type that signs now.

        Raises:
            Refused: it cannot be, in words.
            HostError: the server does not answer.
        """
        work = await self._begin(domain)
        rules = dkim_changes.signing(work.opendkim, work.domain)
        if not rules:
            raise Refused(f"mail of {work.domain} is not signed: generate makes its first key")
        if selector:
            there = dkim_changes.key_of(work.opendkim, work.domain, selector)
        else:
            there = next(reversed(dkim_changes.reserve(work.opendkim, work.domain)), None)
        if there is None:
            record = await work.new_key(selector, type or work.opendkim.algorithm, bits)
        elif there.name in {rule.name for rule in rules}:
            raise Refused(
                f"mail of {work.domain} is signed with the selector {clean(there.selector)} already"
            )
        else:
            record = await work.record(there)
        publish = f"Publish the record of {record.name}." if record.pending else ""
        if there is None and not now:
            work.draft.say(f"Nothing is signed with it yet: mail is still signed with {work.before}.")
            after = f"{work.before}; {record.selector} in reserve"
            return work.offer(after, record, next=_then(publish, work, record))
        work.sign(record)
        work.draft.say(
            f"Mail of {work.domain} is signed with {record.selector} from now on, not {work.before}."
        )
        work.draft.say(f"The key {work.before} stays. Leave its record for a week: mail under way needs it.")
        if record.pending:
            told = (
                f"What is signed now does not verify until the record is published. {record.published.text}"
            )
            work.draft.warn(told, grave=True)
        return work.offer(f"selector {record.selector}", record, next=publish)

    async def stop(self, domain: str, selector: str = "") -> Offer:
        """No longer sign a domain's mail; or, with the selector of a key that signs nothing, forget that key.
        The files of keys stay.

        Raises:
            Refused: it cannot be, in words.
            HostError: the server does not answer.
        """
        work = await self._begin(domain)
        rules = dkim_changes.signing(work.opendkim, work.domain)
        if selector:
            key = dkim_changes.key_of(work.opendkim, work.domain, selector)
            if key is None:
                raise Refused(f"there is no key of {work.domain} with the selector {clean(selector)} here")
            rules = [rule for rule in rules if rule.name == key.name]
            if not rules:
                work.opendkim = dkim_changes.retire(work.opendkim, key)
                work.draft.say(f"OpenDKIM forgets the key {clean(selector)}, with which it signs nothing.")
                work.draft.say("Its file and its record stay, until you remove them.")
                return work.offer(f"{work.before}; {clean(selector)} forgotten")
        if not rules:
            raise Refused(f"mail of {work.domain} is not signed")
        work.opendkim = dkim_changes.stop(work.opendkim, rules)
        work.draft.say(f"Mail of {work.domain} is not signed any more. Its keys stay in reserve.")
        work.draft.say("Leave the record for a week: mail under way is signed with it.")
        if wider := dkim_changes.covering(work.opendkim, work.domain):
            told = f"The line {clean(wider.pattern)} of SigningTable is for it, too: it is signed by that."
            work.draft.warn(told)
        return work.offer("not signed")

    async def _begin(self, domain: str) -> Work:
        domain = domain_of(domain)
        return Work(self.host, await self.configuration.read(), domain)


def _then(publish: str, work: Work, record: Record) -> str:
    """What is left to do when a key lies in reserve."""
    deed = "generate" if work.before == "not signed" else "rotate"
    again = f"Once it is there, sign with it: mtatui dkim {deed} {work.domain} --selector {record.selector}"
    return f"{publish} {again}".strip()
