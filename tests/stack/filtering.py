"""The page Antispam & Antivirus, turned on a private machine, and what becomes of mail afterwards."""

from __future__ import annotations

import asyncio
import base64
import itertools
import struct
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtatui.backends.applying import Applied
from mtatui.backends.configuration import Configuration
from mtatui.backends.history import Entry
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Reading
from mtatui.settings.plan import Plan
from tests.stack.machine import INSIDE, OUTSIDE, Machine, letter
from tests.stack.machine_world import Letter

ADMIN = "postmaster@example.test"


@dataclass(frozen=True)
class Post:
    """A message to be sent, and from where."""

    data: bytes
    client: str = OUTSIDE
    sender: str = "sender.test"
    """The domain of its sender; the address is its own."""
    recipient: str = "example.test"


@dataclass(frozen=True)
class Fate:
    """What became of a message."""

    reply: str
    arrived: Letter | None
    """As its recipient has it."""
    recipient_told: tuple[Letter, ...] = field(default=())
    sender_told: tuple[Letter, ...] = field(default=())
    admin_told: tuple[Letter, ...] = field(default=())

    @property
    def told(self) -> str:
        """Who was told something: some of ``recipient sender admin``."""
        return " ".join(
            name for name in ("recipient", "sender", "admin") if getattr(self, f"{name}_told")
        )  # fmt: skip

    @property
    def subject(self) -> str:
        """The subject under which it arrived; "" where it did not."""
        return self.arrived["Subject"] if self.arrived else ""


def outgoing(data: bytes) -> Post:
    """A message from one of our own to somebody elsewhere."""
    return Post(data, INSIDE, "example.test", "elsewhere.test")


class Filtering:
    """The page, over a machine."""

    _numbers = itertools.count(1)

    def __init__(self, machine: Machine, admin: str = ADMIN) -> None:
        self.machine = machine
        self.admin = admin
        self.configuration = Configuration(machine.host)
        self._reading: Reading | None = None

    def read(self) -> Reading:
        """What is set; read again after a change."""
        if self._reading is None:
            self._reading = asyncio.run(self.configuration.read())
        return self._reading

    def changed_by_hand(self) -> None:
        """Forget what was read."""
        self._reading = None

    def value(self, key: str) -> Any:
        """What a setting is, as a person reads it."""
        key = _key(key)
        found = self.read().current[key]
        assert not found.unavailable, found.unavailable
        return ALL[key].kind.text(found.value)

    def plan(self, **changes: str) -> Plan:
        """The plan of changes, typed as on the command line; keys without their page are this page's."""
        wanted = {_key(key): text for key, text in changes.items()}
        parsed = {key: ALL[key].kind.parse(text) for key, text in wanted.items()}
        return self.configuration.plan(self.read(), parsed)

    def try_to_set(self, **changes: str) -> Applied:
        """Set them, and see what comes of it."""
        return self.apply(self.plan(**changes))

    def set(self, **changes: str) -> Applied:
        """Set them; that must succeed, and be so afterwards."""
        plan = self.plan(**changes)
        applied = self.apply(plan)
        assert applied.ok, f"{applied.outcome}: {applied.text}\n{told(applied)}\n{self.machine.log()}"
        current = self.read().current
        for key, text in changes.items():
            setting = ALL[_key(key)]
            assert current[setting.key].value == setting.kind.parse(text), setting.key
        return applied

    def apply(self, plan: Plan) -> Applied:
        """Apply a plan, whatever comes of it."""
        self._reading = None
        return asyncio.run(self.configuration.apply(plan))

    def undo(self) -> Applied:
        """Take the last change back."""

        return self.apply(self.taking_back(self.entries()[0]))

    def taking_back(self, entry: Entry) -> Plan:
        """The plan that takes back an entry of the history."""
        return asyncio.run(self.configuration.undo_plan(entry))

    def entries(self) -> list[Entry]:
        """The history, the last first."""
        return asyncio.run(self.configuration.history())

    def send(self, posts: Mapping[str, bytes | Post]) -> dict[str, Fate]:
        """Send messages, wait until nothing is on its way, and tell the fate of each, by its name."""
        sent: dict[str, tuple[str, str, str, bytes]] = {}
        before = len(self.machine.mailboxes.letters)
        for name, given in posts.items():
            post = given if isinstance(given, Post) else Post(given)
            number = next(self._numbers)
            sender, recipient = f"s{number}@{post.sender}", f"r{number}@{post.recipient}"
            data = b"X-Post: %d\r\n" % number + post.data
            reply = self.machine.send(data, recipient, sender, post.client)
            sent[name] = sender, recipient, reply, b"X-Post: %d\r\n" % number
        self.machine.settle()
        letters = self.machine.mailboxes.letters[before:]
        return {name: self._fate(letters, *one) for name, one in sent.items()}

    def _fate(self, letters: list[Letter], sender: str, recipient: str, reply: str, mark: bytes) -> Fate:
        mine = [one for one in letters if recipient in one.recipients]
        arrived = [one for one in mine if mark in one.data.partition(b"\r\n\r\n")[0] + b"\r\n"]
        assert len(arrived) <= 1, "it arrived twice"
        return Fate(
            reply,
            arrived[0] if arrived else None,
            tuple(one for one in mine if one not in arrived),
            tuple(one for one in letters if sender in one.recipients),
            tuple(one for one in letters if self.admin in one.recipients and recipient.encode() in one.data),
        )


def _key(name: str) -> str:
    return name.replace("__", ".") if "__" in name else f"filtering.{name}"


def told(applied: Applied) -> str:
    """All that an apply said."""
    return "\n".join(f"{step.name} {step.state} {step.command} {step.text}" for step in applied.steps)


def encrypted_zip(name: str, data: bytes, password: bytes = b"secret") -> bytes:
    """A zip archive that only who knows the password can read (APPNOTE.TXT, 6.1: traditional encryption)."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def crc32(value: int, byte: int) -> int:
        return zlib.crc32(bytes([byte]), value ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    def update(byte: int) -> None:
        keys[0] = crc32(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc32(keys[2], keys[1] >> 24)

    def encrypted(plain: bytes) -> bytes:
        out = bytearray()
        for byte in plain:
            mask = (keys[2] & 0xFFFF) | 2
            out.append(byte ^ (mask * (mask ^ 1) >> 8 & 0xFF))
            update(byte)
        return bytes(out)

    for byte in password:
        update(byte)
    check = zlib.crc32(data)
    body = encrypted(b"mtatuimtatu" + bytes([check >> 24]) + data)
    common = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 0x5A21, check, len(body), len(data), len(name), 0)
    local = b"PK\3\4" + common + name.encode() + body
    central = (
        b"PK\1\2" + struct.pack("<H", 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name.encode()
    )
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


class Signer:
    """A domain that signs its mail (DKIM), its key published in the names of a machine."""

    def __init__(self, machine: Machine, domain: str, selector: str = "test") -> None:
        self.domain, self.selector = domain, selector
        self._private = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
        public = subprocess.run(
            ["openssl", "rsa", "-pubout", "-outform", "DER"],
            input=self._private, capture_output=True, check=True,
        ).stdout  # fmt: skip
        record = f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"
        machine.names.publish(f"{selector}._domainkey.{domain}", record)
        machine.names.records[domain, "A"] = ["192.0.2.20"]

    def letter(self, subject: str, **headers: Any) -> bytes:
        """A message from it, signed."""
        import dkim

        data = letter(subject, From=f"desk@{self.domain}", **headers)
        signature: bytes = dkim.sign(
            data,
            self.selector.encode(),
            self.domain.encode(),
            self._private,
            include_headers=[b"from", b"subject"],
        )
        return signature + data
