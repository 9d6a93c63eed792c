"""Keys for DKIM: what a private key's public half is, the record that publishes it, and whether what the DNS
says is that record. Pure: nothing is read, nothing asked.

Sources: RFC 6376 (3.6.1, the record), RFC 8301 (sizes), RFC 8463 (Ed25519), RFC 8017 and RFC 5958 (the forms
of RSA keys), RFC 5280 (SubjectPublicKeyInfo), RFC 1035 5.1 (zone files).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mtatui.backends.resolving import Texts, Trouble
from mtatui.text import clean

#: Bits of an RSA key: those below are not to be trusted by verifiers (RFC 8301, 3.2); those above do not fit.
LEAST, BEST, MOST = 1024, 2048, 4096
#: Bytes of one string in a TXT record (RFC 1035, 3.3.14).
_STRING = 255

_INTEGER, _BITS, _OCTETS, _NULL, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x05, 0x06, 0x30
_RSA = bytes.fromhex("2a864886f70d010101")  # 1.2.840.113549.1.1.1
_ED25519 = bytes.fromhex("2b6570")  # 1.3.101.112


class Type(StrEnum):
    """The kinds of keys, as a record calls them (``k=``)."""

    RSA = "rsa"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class Public:
    """A public key."""

    type: Type
    data: bytes
    """As a record has it: SubjectPublicKeyInfo for RSA, 32 bytes for Ed25519."""
    bits: int
    numbers: tuple[int, int] = (0, 0)
    """Modulus and exponent for RSA: two records that differ may publish the same key."""

    def __str__(self) -> str:
        """``RSA 2048`` or ``Ed25519``."""
        return f"RSA {self.bits}" if self.type is Type.RSA else "Ed25519"

    def same(self, other: Public) -> bool:
        """Whether both are the same key."""
        if self.type is Type.RSA:
            return (self.type, self.numbers) == (other.type, other.numbers)
        return (self.type, self.data) == (other.type, other.data)


def public(private: bytes) -> Public:
    """The public half of a private key.

    Args:
        private: PEM (PKCS #1 or PKCS #8), or its base64 alone, as opendkim takes both.

    Raises:
        ValueError: it is no such key, in words.
    """
    text = private.decode("ascii", "replace")
    if "ENCRYPTED" in text:
        raise ValueError("it is encrypted: no daemon can use it")
    framed = re.search(r"-----BEGIN (?:RSA )?PRIVATE KEY-----(.*?)-----END", text, re.DOTALL)
    if framed is None and "-----" in text:
        raise ValueError("it holds no private key that DKIM knows")
    try:
        der = base64.b64decode("".join((framed[1] if framed else text).split()), validate=True)
        return _private(_Der(der).take(_SEQUENCE))
    except (binascii.Error, _NotDer, ValueError) as error:
        raise ValueError(f"it is no private key that can be read: {error}") from None


def name(domain: str, selector: str) -> str:
    """Where the key of a selector is published."""
    return f"{selector}._domainkey.{domain}"


def record(key: Public) -> str:
    """The text of the record that publishes a key."""
    return f"v=DKIM1; k={key.type}; p={base64.b64encode(key.data).decode('ascii')}"


def zone(domain: str, selector: str, key: Public, longest: int = _STRING) -> list[str]:
    """The record as a zone file wants it: in strings of at most 255 bytes, or of fewer."""
    text = record(key)
    pieces = [text[at : at + longest] for at in range(0, len(text), longest)]
    head = f"{name(domain, selector)}. IN TXT"
    if len(pieces) == 1:
        return [f'{head} "{text}"']
    quoted = [f'    "{piece}"' for piece in pieces]
    return [f"{head} (", *quoted[:-1], f"{quoted[-1]} )"]


class Standing(StrEnum):
    """How what is published stands to the private key."""

    MATCHES = "matches"
    MISSING = "missing"
    DIFFERS = "differs"
    REVOKED = "revoked"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Published:
    """What the DNS says about a selector."""

    standing: Standing
    text: str
    """What that means, in a sentence; what to do, where something is to be done."""
    key: Public | None = None
    notes: tuple[str, ...] = ()
    """What is odd about the record although it matches."""


def compare(domain: str, selector: str, key: Public | None, answer: Texts | Trouble) -> Published:
    """Hold what is published against the key.

    Args:
        key: None where the private key cannot be read: then a match cannot be told.
    """
    where = clean(name(domain, selector))
    if isinstance(answer, Trouble):
        return Published(Standing.UNKNOWN, f"{where}: {answer}.")
    if not answer:
        return Published(
            Standing.MISSING,
            f"{where} has no record: what is signed with this key verifies nowhere. Publish it.",
        )
    if len(answer) > 1:
        return Published(
            Standing.DIFFERS,
            f"{where} has {len(answer)} records, and verifiers take any of them: leave one.",
        )
    try:
        tags = _tags(answer[0])
    except ValueError as error:
        return Published(Standing.DIFFERS, f"{where} holds something that is no DKIM record: {error}.")
    if not re.sub(r"\s", "", tags["p"]):
        return Published(
            Standing.REVOKED,
            f"{where} is revoked (p= is empty): nothing signed with this key verifies. Sign with another.",
        )
    try:
        there = _published(tags)
    except ValueError as error:
        return Published(Standing.DIFFERS, f"{where} holds a key that cannot be read: {error}.")
    if key is None:
        return Published(
            Standing.UNKNOWN, f"{where} publishes {there}; the private key could not be read.", there
        )
    if not key.same(there):
        other = f"another key ({there}) than the private one ({key})"
        return Published(
            Standing.DIFFERS,
            f"{where} publishes {other}: what is signed does not verify. Publish the record.",
            there,
        )
    if wrong := _refused(tags):
        return Published(Standing.DIFFERS, f"{where} has the key, but {wrong}.", there)
    return Published(Standing.MATCHES, f"{where} publishes this key.", there, tuple(_odd(tags, there)))


def _refused(tags: dict[str, str]) -> str:
    """Why verifiers do not take the record for mail although the key is right; "" where they do."""
    hashes, services = _list(tags.get("h", "")), _list(tags.get("s", "*"))
    if hashes and "sha256" not in hashes:
        return "allows other hashes only (h=), not sha256"
    if "*" not in services and "email" not in services:
        return "is not for mail (s=)"
    return ""


def _odd(tags: dict[str, str], key: Public) -> Iterator[str]:
    """What should be known of a record that works."""
    if "y" in _list(tags.get("t", "")):
        yield "t=y: it says that it is a test, and verifiers may treat its mail as unsigned"
    if tags.get("g", "*").strip() not in ("*", ""):
        yield "g= is of the old DomainKeys and means nothing any more"
    if key.type is Type.RSA and key.bits < BEST:
        yield f"{key.bits} bits are few: 2048 are wanted today (RFC 8301)"


def _list(value: str) -> list[str]:
    return [item for item in re.split(r"[\s:]+", value.strip()) if item]


def _tags(text: str) -> dict[str, str]:
    """The tags of a record.

    Raises:
        ValueError: it is none, in words.
    """
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        tag, equals, value = part.partition("=")
        if not equals or not re.fullmatch(r"\s*[A-Za-z][A-Za-z0-9_]*\s*", tag):
            raise ValueError(f'"{clean(part.strip()[:40])}" is no tag')
        if tag.strip() in tags:
            raise ValueError(f"{tag.strip()}= is there twice")
        tags[tag.strip()] = value.strip()
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        raise ValueError("its version is not DKIM1, at the beginning")
    if "p" not in tags:
        raise ValueError("it has no key (p=)")
    return tags


def _published(tags: dict[str, str]) -> Public:
    """The key of a record.

    Raises:
        ValueError: it cannot be read, in words.
    """
    try:
        data = base64.b64decode(re.sub(r"\s", "", tags["p"]), validate=True)
    except binascii.Error:
        raise ValueError("p= is not base64; was it cut off when it was pasted?") from None
    kind = tags.get("k", "rsa").lower()
    if kind == Type.ED25519:
        if len(data) != 32:
            raise ValueError(f"an Ed25519 key has 32 bytes, not {len(data)}")
        return Public(Type.ED25519, data, 256)
    if kind != Type.RSA:
        raise ValueError(f"nobody knows keys of type {clean(kind[:20])}")
    try:
        inside = _Der(data).take(_SEQUENCE)
        if inside.next == _SEQUENCE:
            inside.take(_SEQUENCE)
            inside = _Der(inside.take(_BITS).data[1:]).take(_SEQUENCE)
        return _rsa(inside.integer(), inside.integer())
    except _NotDer:
        raise ValueError("it is no RSA key; was it cut off when it was pasted?") from None


# -- the forms in which keys are written ---------------------------------------------------------------------


class _NotDer(Exception):
    """Not what was expected there."""


class _Der:
    """Reads DER (X.690), as much of it as keys have."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def next(self) -> int:
        """The tag of what comes next."""
        return self.data[0] if self.data else 0

    def take(self, tag: int) -> _Der:
        """What comes next, which must be this.

        Raises:
            _NotDer: it is not.
        """
        data = self.data
        if len(data) < 2 or data[0] != tag:
            raise _NotDer("it is damaged")
        length, at = data[1], 2
        if length & 0x80:
            at += length & 0x7F
            length = int.from_bytes(data[2:at], "big")
        if at > 6 or at + length > len(data):
            raise _NotDer("it is cut off")
        self.data = data[at + length :]
        return _Der(data[at : at + length])

    def integer(self) -> int:
        """A number, which comes next."""
        return int.from_bytes(self.take(_INTEGER).data, "big")


def _private(key: _Der) -> Public:
    """The public half of PKCS #1's RSAPrivateKey, or PKCS #8's PrivateKeyInfo."""
    key.integer()
    if key.next == _INTEGER:
        return _rsa(key.integer(), key.integer())
    kind = key.take(_SEQUENCE).take(_OID).data
    inside = key.take(_OCTETS)
    if kind == _RSA:
        return _private(inside.take(_SEQUENCE))
    if kind != _ED25519:
        raise _NotDer("it is neither RSA nor Ed25519")
    import nacl.signing

    seed = inside.take(_OCTETS).data
    return Public(Type.ED25519, bytes(nacl.signing.SigningKey(seed).verify_key), 256)


def _rsa(modulus: int, exponent: int) -> Public:
    inside = _der(_SEQUENCE, _number(modulus), _number(exponent))
    data = _der(_SEQUENCE, _der(_SEQUENCE, _der(_OID, _RSA), _der(_NULL)), _der(_BITS, b"\0", inside))
    return Public(Type.RSA, data, modulus.bit_length(), (modulus, exponent))


def _number(number: int) -> bytes:
    return _der(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _der(tag: int, *parts: bytes) -> bytes:
    data = b"".join(parts)
    if len(data) < 0x80:
        return bytes((tag, len(data))) + data
    length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + data
