"""The messages that the probe sends: harmless, and not to be taken for anything but a probe's.

Their Message-IDs name mtatui, what they are, and a number that only this run knows. The test virus (EICAR)
and the test spam (GTUBE) are what scanners have agreed to find; they are put together here so that no
scanner finds them in this file.
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a message is, in the order in which they are sent."""

    CLEAN = "clean"
    VIRUS = "virus"
    SPAM = "spam"
    BLOCKED = "blocked"
    SIGNED = "signed"
    FORGED = "forged"


LABELS = {
    Kind.CLEAN: "Clean message",
    Kind.VIRUS: "Test virus",
    Kind.SPAM: "Test spam",
    Kind.BLOCKED: "Blocked attachment",
    Kind.SIGNED: "Signed message",
    Kind.FORGED: "Forged message",
}

#: The selector of the made-up signature, by which it is told from a true one.
FORGER = "mtatui-probe"

_EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"
_GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-" + "ANTI-UBE-TEST-EMAIL*C.34X"
_NAMES = {Kind.VIRUS: "EICAR", Kind.SPAM: "GTUBE"}
_TEXTS = {
    Kind.CLEAN: "Nothing is wrong with it: it should arrive.",
    Kind.VIRUS: _EICAR,
    Kind.SPAM: _GTUBE,
    Kind.BLOCKED: "A file is attached to it whose name is on the list of blocked extensions.",
    Kind.SIGNED: "It is signed with a key of this server.",
    Kind.FORGED: "Its signature is made up: it does not come from where it says.",
}
_SIGNED_HEADERS = ("From", "To", "Subject", "Date", "Message-ID")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who can sign for a domain: the selector, and the private key as a file holds it (PEM)."""

    domain: str
    selector: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, ready to be sent; ``data`` empty: it cannot be made, and ``why_not`` says why."""

    kind: Kind
    message_id: str
    data: bytes = field(default=b"", repr=False)
    about: str = ""
    """What is particular about it: the name of the attachment, the domain that it says to be from."""
    why_not: str = ""
    doubt: str = ""
    """Why its signature will verify nowhere, be it right or not."""


def letters(
    run: str,
    host: str,
    recipient: str,
    *,
    extension: str,
    signer: Signer | None,
    pretended: str,
    why_not: str,
) -> tuple[Letter, ...]:
    """All six.

    Args:
        run: a number of this run, in letters and digits, which nobody can guess.
        host: the name of the server, in Message-IDs and senders.
        extension: what the attachment's name ends in; "" for one that everybody blocks.
        signer: who signs; None: nobody can.
        pretended: the domain that the forged one pretends to be from.
        why_not: why nobody can sign; or why nobody will be able to verify what the signer signs.
    """
    plain = f"double-bounce@{host}"
    made = []
    for kind in Kind:
        message_id = f"<mtatui-probe.{kind}.{run}@{host}>"
        if kind is Kind.SIGNED and signer is None:
            made.append(Letter(kind, message_id, why_not=why_not))
            continue
        sender, about, parts = plain, _NAMES.get(kind, ""), None
        if kind is Kind.BLOCKED:
            about = f"probe.{extension or 'exe'}"
            parts = about
        elif kind is Kind.SIGNED and signer is not None:
            sender, about = f"postmaster@{signer.domain}", f"{signer.selector}._domainkey.{signer.domain}"
        elif kind is Kind.FORGED:
            sender, about = f"postmaster@{pretended}", pretended
        data = _message(kind, message_id, sender, recipient, run, parts)
        if kind is Kind.SIGNED and signer is not None:
            try:
                data = _sign(data, signer)
            except Exception as error:  # whatever is wrong with a key, the other messages can be sent
                made.append(Letter(kind, message_id, about=about, why_not=f"its key does not sign: {error}"))
                continue
        elif kind is Kind.FORGED:
            data = _forge(data, pretended)
        made.append(Letter(kind, message_id, data, about, doubt=why_not if kind is Kind.SIGNED else ""))
    return tuple(made)


def _message(
    kind: Kind, message_id: str, sender: str, recipient: str, run: str, attached: str | None
) -> bytes:
    head = [
        f"From: {sender}",
        f"To: {recipient}",
        f"Subject: mtatui probe: {LABELS[kind].lower()}",
        f"Date: {email.utils.formatdate(localtime=True)}",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-generated",
        f"X-Mtatui-Probe: {kind} {run}",
        "MIME-Version: 1.0",
    ]
    text = [
        "This message was sent by mtatui, a tool of the administrators of this mail server,",
        "to see what the server does with such a message. It can be deleted.",
        "",
        _TEXTS[kind],
    ]
    if kind is Kind.VIRUS:
        text = [_TEXTS[kind]]  # the file counts as the test virus only as a whole (eicar.org)
    plain = ["Content-Type: text/plain; charset=us-ascii"]
    if attached is None:
        lines = [*head, *plain, "", *text]
    else:
        mark = f"probe-{run}"
        lines = [
            *head, f'Content-Type: multipart/mixed; boundary="{mark}"', "",
            f"--{mark}", *plain, "", *text, "",
            f"--{mark}", f'Content-Type: application/octet-stream; name="{attached}"',
            f'Content-Disposition: attachment; filename="{attached}"', "",
            "This is no program.", f"--{mark}--",
        ]  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace")


def _sign(data: bytes, signer: Signer) -> bytes:
    import dkim

    ed25519 = len(base64.b64decode(b"".join(_pem(signer.key)) or b"", validate=False)) < 100
    header: bytes = dkim.sign(
        data,
        signer.selector.encode("ascii"),
        signer.domain.encode("ascii"),
        signer.key,
        canonicalize=(b"relaxed", b"relaxed"),
        signature_algorithm=b"ed25519-sha256" if ed25519 else b"rsa-sha256",
        include_headers=[name.lower().encode("ascii") for name in _SIGNED_HEADERS],
    )
    return header + data


def _pem(key: bytes) -> Iterable[bytes]:
    return [line.strip() for line in key.splitlines() if line and not line.startswith(b"-")]


def _forge(data: bytes, domain: str) -> bytes:
    """A signature that looks like one and is none (RFC 6376)."""
    body = data.partition(b"\r\n\r\n")[2]
    digest = base64.b64encode(hashlib.sha256(re.sub(rb"[ \t]+", b" ", body)).digest()).decode("ascii")
    made_up = base64.b64encode(hashlib.sha512(data).digest() * 4).decode("ascii")
    header = (
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={FORGER};\r\n"
        f" h={':'.join(name.lower() for name in _SIGNED_HEADERS)};\r\n bh={digest};\r\n b="
    )
    folded = "\r\n ".join(made_up[at : at + 70] for at in range(0, len(made_up), 70))
    return f"{header}{folded}\r\n".encode("ascii", "replace") + data
