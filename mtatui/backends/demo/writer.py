"""Writes queue files as Postfix 3.7 does: what cleanup(8) leaves behind, and the logs of defer(8) beside it.

The demo server and the benchmarks are spools of such files, so that they exercise the code that reads real
ones; real `postqueue`, `postcat`, `postsuper` and a real queue manager take them for their own. Structure and
order of the records are those of Postfix 3.7 (rec_type.h, smtpd.c, pickup.c, cleanup_*.c), names and folders
those of mail_queue.c, the logs those of bounce_append_service.c. One liberty: defer(8) turns control
characters in addresses and reasons into ``?``; we keep all but line ends and NUL: a spool is not always tame.

Standard library only: the demo's own daemon and commands run it too.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from mtatui.backends.postfix.spool.place import make_id

#: hash_queue_names as Postfix has it by default, with hash_queue_depth 1.
HASHED = frozenset({"deferred", "defer"})
#: Every directory of a queue directory: name and mode (postfix-files).
DIRECTORIES = {
    "active": 0o700,
    "bounce": 0o700,
    "corrupt": 0o700,
    "defer": 0o700,
    "deferred": 0o700,
    "flush": 0o700,
    "hold": 0o700,
    "incoming": 0o700,
    "maildrop": 0o730,
    "pid": 0o755,
    "private": 0o700,
    "public": 0o710,
    "saved": 0o700,
    "trace": 0o700,
}
MYHOSTNAME = "mx1.example.test"
MYADDRESS = "192.0.2.25"

_LINE_LIMIT = 2048  # line_length_limit
_SHORT = [bytes((n,)) for n in range(128)]
_HEADS = [b"N" + n for n in _SHORT]

Owner = tuple[int, int]


class To(NamedTuple):
    """One recipient: where to, what the last attempt said, its DSN status, if served, its first address."""

    address: str
    reason: str = ""
    status: str = ""
    done: bool = False
    original: str = ""


@dataclass(slots=True)
class Draft:
    """A message to be written into a spool.

    ``arrival`` and ``retry`` are seconds since the epoch; ``retry`` becomes the file's time (of a deferred
    message: the next attempt), 0 means the time of arrival. ``sender`` "" is the null sender. Without
    ``client_ip`` the message was made on this machine. ``headers`` (lines, ended by "\\n") replace those made
    from ``subject``. Text may carry any byte through surrogateescape. ``cut`` leaves only that many bytes of
    the file, as a crash would; ``expired`` is what `postsuper -e` leaves behind.
    """

    recipients: Sequence[To]
    sender: str = ""
    state: str = "deferred"
    arrival: float = 0.0
    retry: float = 0.0
    subject: str = ""
    body: bytes = b""
    headers: bytes = b""
    client_ip: str = ""
    client_name: str = "unknown"
    helo: str = ""
    sasl_user: str = ""
    content_filter: str = ""
    encoding: str = ""
    full_name: str = ""
    expired: bool = False
    cut: int | None = None


def write(
    spool: str | os.PathLike[str], draft: Draft, *, long_id: bool = False, owner: Owner | None = None
) -> str:
    """Write the message, and its defer log where a recipient has a reason; returns the queue ID.

    The file appears under its name only when it and its log are whole.

    Raises:
        OSError: the disk is full, or the directory is not ours.
    """
    base = os.fspath(spool)
    arrival_us = int(draft.arrival * 1_000_000)
    usec = arrival_us % 1_000_000
    directory = _directory(base, draft.state, usec)
    temporary = f"{directory}/{usec}.{os.getpid()}"  # a dot: no daemon takes it for a message
    fd = _create(temporary, directory, 0o700, owner)
    try:
        queue_id = make_id(arrival_us, os.fstat(fd).st_ino, long_id)
        data, offsets = encode(draft, queue_id)
        os.write(fd, data if draft.cut is None else data[: draft.cut])
        mode = _mode(draft)
        if mode != 0o700:
            os.fchmod(fd, mode)
        moment = draft.retry or draft.arrival
        os.utime(fd, (moment, moment))
        log = defer_log(draft.recipients, offsets)
        if log:
            defer = _directory(base, "defer", usec)
            log_fd = _create(f"{defer}/{queue_id}", defer, 0o600, owner)
            os.write(log_fd, log)
            os.close(log_fd)
        os.rename(temporary, f"{directory}/{queue_id}")
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    return queue_id


def make_spool(spool: str | os.PathLike[str], owner: Owner | None = None) -> None:
    """Make an empty queue directory with all its folders (`postfix check` would)."""
    base = os.fspath(spool)
    os.makedirs(base, mode=0o755, exist_ok=True)
    for name, mode in DIRECTORIES.items():
        path = f"{base}/{name}"
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        if owner and name != "pid":
            os.chown(path, owner[0], -1)


@lru_cache(maxsize=1)
def postfix_owner() -> Owner | None:
    """Whom queue files belong to: Postfix where we are root and it has an account, else us (None)."""
    if os.geteuid() != 0:
        return None
    try:
        account = pwd.getpwnam("postfix")
    except KeyError:
        return None
    return account.pw_uid, account.pw_gid


def encode(draft: Draft, queue_id: str) -> tuple[bytes, list[int]]:
    """The bytes of the queue file, and where each recipient's record begins in them (a defer log says it)."""
    offsets: list[int] = []
    if draft.state == "maildrop":
        return _dropped(draft, offsets), offsets
    headers = draft.headers or _headers(draft, queue_id)
    content = _lines(_received(draft, queue_id)) + _lines(headers) + b"N\0" + _lines(draft.body)
    parts = _envelope(draft, queue_id)
    position = 97 + sum(map(len, parts))
    for to in draft.recipients:
        address = _bytes(to.address)
        original = _bytes(to.original or to.address)
        lead = _record(b"A", b"dsn_orig_rcpt=rfc822;" + quote(original)) + _record(b"O", original)
        offsets.append(position + len(lead))
        parts.append(lead + _record(b"D" if to.done else b"R", address))
        position += len(parts[-1])
    utf8 = 0  # smtputf8.h: 1 requested, 2 in a header, 4 in the sender
    if not draft.sender.isascii() or not all(to.address.isascii() for to in draft.recipients):
        utf8 = 1 | 2 * (not headers.isascii()) | 4 * (not draft.sender.isascii())
    extracted = _record(b"A", _bytes(f"encoding={draft.encoding}")) if draft.encoding else b""
    size = (len(content), position + 2, len(draft.recipients), 0, len(content), utf8)
    head = _record(b"C", b"%15d %15d %15d %15d %15d %15d" % size)
    return b"".join((head, *parts, b"M\0", content, b"X\0", extracted, b"E\0")), offsets


def defer_log(recipients: Sequence[To], offsets: Sequence[int]) -> bytes:
    """What defer(8) has written about the recipients that were tried and not served; else b""."""
    blocks = []
    for to, offset in zip(recipients, offsets, strict=True):
        if not to.reason or to.done:
            continue
        address, reason = quote(_tame(to.address)), _tame(to.reason)
        said = _SAID.match(reason)
        status = to.status or next(iter(_STATUS.findall(to.reason)), "4.0.0")
        diagnosis = _DIAGNOSIS % (said[2], said[1]) if said else b""
        original = quote(_tame(to.original or to.address))
        blocks.append(
            b"\n<%b>: %b\nrecipient=%b\n" % (address, reason, address)
            + (b"original_recipient=%b\n" % original if original != address else b"")
            + b"offset=%d\ndsn_orig_rcpt=rfc822;%b\nstatus=%b\naction=delayed\n%breason=%b\n\n"
            % (offset, original, status.encode(), diagnosis, reason)
        )
    return b"".join(blocks)


def quote(address: bytes) -> bytes:
    """An address with its local part quoted where RFC 822 wants it (quote_822_local.c; 8-bit left alone)."""
    local, at, domain = address.rpartition(b"@")
    if not at:
        local, domain = address, b""
    if _DOT_STRING.fullmatch(local):
        return address
    return b'"' + re.sub(rb'(["\\\r])', rb"\\\1", local) + b'"' + at + domain


_DIAGNOSIS = b"diag_type=smtp\ndiag_text=%b\nmta_type=dns\nmta_mname=%b\n"
_SAID = re.compile(rb"host (\S+)\[[^]]*\] said: (.*) \(in reply to ", re.DOTALL)
_STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.])")
_ATOM = rb'[^\0-\x20\x7f()<>@,;:\\"\[\].]+'
_DOT_STRING = re.compile(_ATOM + rb"(?:\." + _ATOM + rb")*")
_TAME = str.maketrans("\n\r\0", "???")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _tame(text: str) -> bytes:
    return _bytes(text.translate(_TAME))


def _record(kind: bytes, data: bytes) -> bytes:
    length = len(data)
    if length < 128:
        return kind + _SHORT[length] + data
    size = bytearray()
    while length >= 128:
        size.append(length & 127 | 128)
        length >>= 7
    size.append(length)
    return kind + bytes(size) + data


@lru_cache(maxsize=128)
def _lines(text: bytes) -> bytes:
    """Text lines as N records; a line that is too long goes in pieces, all but the last as L."""
    parts = []
    for line in text.removesuffix(b"\n").split(b"\n") if text else ():
        if len(line) < 128:
            parts.append(_HEADS[len(line)] + line)
            continue
        pieces = [line[at : at + _LINE_LIMIT] for at in range(0, len(line), _LINE_LIMIT)]
        parts.extend(_record(b"L", piece) for piece in pieces[:-1])
        parts.append(_record(b"N", pieces[-1]))
    return b"".join(parts)


def _envelope(draft: Draft, queue_id: str) -> list[bytes]:
    """The records between the size and the recipients, as smtpd(8), pickup(8) or bounce(8) send them."""
    seconds, usec = divmod(int(draft.arrival * 1_000_000), 1_000_000)
    parts = [_record(b"T", b"%d %d" % (seconds, usec)), _record(b"A", b"create_time=%d" % seconds)]
    if draft.content_filter:
        parts.append(_record(b"L", _bytes(draft.content_filter)))
    sender = _record(b"S", _bytes(draft.sender))
    encoding = [_record(b"A", _bytes(f"encoding={draft.encoding}"))] if draft.encoding else []
    if not draft.client_ip:
        if draft.sender:
            full_name = _record(b"F", _bytes(draft.full_name or "root"))
            origin = [_record(b"A", b"rewrite_context=local"), full_name]
        else:
            origin = [_record(b"A", b"log_message_origin=local"), _record(b"A", b"trace_flags=0")]
        return [*parts, *origin, sender, *encoding]
    six = ":" in draft.client_ip
    name, address, port = draft.client_name, draft.client_ip, 1024 + usec % 60000
    shown = f"IPv6:{address}" if six else address
    helo = draft.helo or name
    protocol = "ESMTPSA" if draft.sasl_user else "ESMTP"
    before = [f"log_ident={queue_id}", "rewrite_context=remote"]
    if draft.sasl_user:
        before += ["sasl_method=PLAIN", f"sasl_username={draft.sasl_user}"]
    after = (
        f"log_client_name={name}",
        f"log_client_address={shown}",
        f"log_client_port={port}",
        f"log_message_origin={name}[{address}]",
        f"log_helo_name={helo}",
        f"log_protocol_name={protocol}",
        f"client_name={name}",
        f"reverse_client_name={name}",
        f"client_address={address}",
        f"client_port={port}",
        f"server_address={MYADDRESS}",
        f"server_port={587 if draft.sasl_user else 25}",
        f"helo_name={helo}",
        f"protocol_name={protocol}",
        f"client_address_type={10 if six else 2}",
    )
    parts += [_record(b"A", _bytes(text)) for text in before]
    return [*parts, sender, *encoding, *(_record(b"A", _bytes(text)) for text in after)]


def _dropped(draft: Draft, offsets: list[int]) -> bytes:
    """A message in maildrop, as postdrop(1) leaves it for pickup(8)."""
    seconds, usec = divmod(int(draft.arrival * 1_000_000), 1_000_000)
    parts = [
        _record(b"T", b"%d %d" % (seconds, usec)),
        _record(b"A", b"rewrite_context=local"),
        _record(b"F", _bytes(draft.full_name or "root")),
        _record(b"S", _bytes(draft.sender)),
    ]
    for to in draft.recipients:
        offsets.append(sum(map(len, parts)))
        parts.append(_record(b"R", _bytes(to.address)))
    headers = draft.headers or _bytes(f"Subject: {draft.subject}\n")
    return b"".join((*parts, b"M\0", _lines(headers), b"N\0", _lines(draft.body), b"X\0E\0"))


def _received(draft: Draft, queue_id: str) -> bytes:
    """The Received: header of our own server; a lone recipient is named in it."""
    date = _date(int(draft.arrival))
    if not draft.client_ip:
        by = ", from userid 1000" if draft.sender else ""
        return _bytes(f"Received: by {MYHOSTNAME} (Postfix{by})\n\tid {queue_id}; {date}\n")
    address = f"IPv6:{draft.client_ip}" if ":" in draft.client_ip else draft.client_ip
    protocol = "ESMTPSA" if draft.sasl_user else "ESMTP"
    end = f"\n\tfor <{draft.recipients[0].address}>; {date}" if len(draft.recipients) == 1 else f";\n\t{date}"
    helo = draft.helo or draft.client_name
    return _bytes(
        f"Received: from {helo} ({draft.client_name} [{address}])\n"
        f"\tby {MYHOSTNAME} (Postfix) with {protocol} id {queue_id}{end}\n"
    )


def _headers(draft: Draft, queue_id: str) -> bytes:
    to = draft.recipients[0].address if draft.recipients else "undisclosed-recipients:;"
    return _bytes(
        f"From: {draft.sender or f'MAILER-DAEMON@{MYHOSTNAME}'}\nTo: {to}\nSubject: {draft.subject}\n"
        f"Date: {_date(int(draft.arrival))}\nMessage-Id: <{int(draft.arrival)}.{queue_id}@{MYHOSTNAME}>\n"
    )


@lru_cache(maxsize=64)
def _date(seconds: int) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S +0000 (UTC)", time.gmtime(seconds))


def _mode(draft: Draft) -> int:
    """Permissions as Postfix leaves them: ready, marked corrupt, dropped; and the mark of `postsuper -e`."""
    mode = {"corrupt": 0o400, "maildrop": 0o744}.get(draft.state, 0o700)
    return mode | (0o010 if draft.expired else 0)


def _directory(base: str, queue: str, usec: int) -> str:
    return f"{base}/{queue}/{f'{usec:05X}'[0]}" if queue in HASHED else f"{base}/{queue}"


def _create(path: str, directory: str, mode: int, owner: Owner | None) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, mode)
    except FileNotFoundError:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if owner:
            os.chown(directory, *owner)
        fd = os.open(path, flags, mode)
    if owner:
        os.fchown(fd, *owner)
    return fd
