"""What a message contains, for eyes: headers decoded, the tree of its parts, its body as text.

Everything here takes raw bytes as ``postcat`` gave them (RFC 5322 and MIME as strangers write it: cut short,
8-bit, with NULs, lying about its charset, nested without end) and returns text that has passed
`mtatui.text.clean`. Nothing raises, whatever the bytes. The splitting is our own rather than that of
`email.parser`: it does not recurse, costs one search per boundary, and knows which part was cut.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtatui.text import clean

#: Parts nested deeper than this, or more than this many, are left as they are: no honest mailer goes there.
MAX_DEPTH = 20
MAX_PARTS = 2000
#: More of a structured header than this is not taken apart.
_PARAMETER_LIMIT = 4096

#: The headers that a person looks for first, in that order.
IMPORTANT = (
    "From", "Sender", "To", "Cc", "Bcc", "Subject", "Date", "Reply-To", "Message-ID", "In-Reply-To",
    "Return-Path", "Resent-From", "Resent-To", "List-ID", "Auto-Submitted", "X-Mailer", "User-Agent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Header:
    """One header field: its name as written and its value, unfolded, decoded and clean.

    ``name`` is "" for a line inside the header block that is no header field.
    """

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the tree. ``size`` is bytes after decoding; ``cut``: there is more of it than was read."""

    depth: int
    content_type: str
    filename: str
    size: int
    disposition: str
    charset: str
    cut: bool = False


def headers(raw: bytes) -> list[Header]:
    """Every header field in the order in which it stands, all Received ones too."""
    head, _ = _split_head(raw)
    return [Header(clean(_guess(name)), clean(decode_words(value))) for name, value in _fields(head)]


def important(fields: Iterable[Header]) -> list[Header]:
    """Those a person looks for first, in the order of `IMPORTANT`; repeated ones stay together."""
    rank = {name.lower(): place for place, name in enumerate(IMPORTANT)}
    chosen = [field for field in fields if field.name.lower() in rank]
    return sorted(chosen, key=lambda field: rank[field.name.lower()])


def structure(raw: bytes, *, more: bool = False) -> list[Part]:
    """The parts of a message, depth first, the whole message at depth 0. ``more``: ``raw`` was cut."""
    return [
        Part(
            leaf.depth,
            clean(leaf.content_type),
            clean(leaf.filename),
            len(leaf.body) if leaf.children else len(leaf.decoded()),
            clean(leaf.disposition),
            clean(leaf.charset),
            more and leaf.open,
        )
        for leaf in _walk(raw)
    ]


def body_text(raw: bytes) -> str:
    """The body as a person reads it: plain text, HTML rendered where there is no plain text, the rest named.

    Of alternatives the plain one is taken. Attachments stand as one line each; attached messages and delivery
    reports (a bounce in the queue) are shown in place.
    """
    blocks: list[str] = []
    skipped_below = -1
    chosen: dict[int, _Node] = {}
    for node in _walk(raw):
        if -1 < skipped_below < node.depth:
            continue
        skipped_below = -1
        alternatives = (
            node.parent if node.parent and node.parent.content_type == "multipart/alternative" else None
        )
        if alternatives:
            pick = chosen.get(id(alternatives)) or _pick(alternatives)
            chosen[id(alternatives)] = pick
            if node is not pick:
                skipped_below = node.depth
                continue
        block = _shown(node)
        if block:
            blocks.append(block)
    return "\n\n".join(blocks)


def raw_text(raw: bytes) -> str:
    """The bytes as they are, line by line, whatever is not text made visible."""
    return clean(_guess(raw.replace(b"\r\n", b"\n")), lines=True)


def decode_words(value: bytes) -> str:
    """A header value with its RFC 2047 encoded words decoded; neighbours that share a charset as one."""
    text = _guess(value)
    if "=?" not in text:
        return text
    out: list[str] = []
    pending, charset, end = b"", "", 0
    for match in _ENCODED_WORD.finditer(text):
        between = text[end : match.start()]
        name, encoding, payload = match.groups()
        data = _base64(payload.encode("utf-8", "surrogateescape")) if encoding in "bB" else _q(payload)
        if pending and not between.strip() and name.lower() == charset:
            pending += data  # mailers cut multi-byte characters in two
        else:
            out.append(_decode(pending, charset))
            # White space between two encoded words belongs to the encoding, not to the text.
            out.append("" if pending and not between.strip() else between)
            pending, charset = data, name.lower()
        end = match.end()
    return "".join((*out, _decode(pending, charset), text[end:]))


# --- the tree ---


class _Node:
    """One part: what its header says and the bytes of its body."""

    def __init__(
        self, raw: bytes, parent: _Node | None, *, open_end: bool, default: str = "text/plain"
    ) -> None:
        head, self.body = _split_head(raw)
        self.head = head
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.open = open_end
        self.children: list[_Node] = []
        self.content_type, self.filename, self.disposition, self.charset, self.boundary, self.encoding = (
            _describe(head, default)
        )

    def decoded(self) -> bytes:
        """The body without its transfer encoding."""
        if self.encoding == "base64":
            return _base64(self.body)
        if self.encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        return self.body

    def text(self) -> str:
        """The body as characters."""
        return _decode(self.decoded(), self.charset).replace("\r\n", "\n")


def _walk(raw: bytes) -> Iterator[_Node]:
    """The nodes of a message, depth first, without recursion."""
    root = _Node(raw, None, open_end=True)
    stack = [root]
    seen = 0
    while stack:
        node = stack.pop()
        seen += 1
        if node.depth < MAX_DEPTH and seen + len(stack) < MAX_PARTS:
            _open(node, MAX_PARTS - seen - len(stack))
        yield node
        stack += reversed(node.children)


def _open(node: _Node, room: int) -> None:
    """Find the children of a node."""
    if node.content_type.startswith("multipart/") and node.boundary:
        default = "message/rfc822" if node.content_type == "multipart/digest" else "text/plain"
        for piece, open_end in _pieces(node.body, node.boundary, room):
            node.children.append(_Node(piece, node, open_end=open_end and node.open, default=default))
    elif node.content_type == "message/rfc822" and node.encoding not in {"base64", "quoted-printable"}:
        node.children.append(_Node(node.body, node, open_end=node.open))


def _pieces(body: bytes, boundary: str, room: int) -> Iterator[tuple[bytes, bool]]:
    """What stands between the delimiter lines (RFC 2046, 5.1), and whether the end of it was never seen."""
    delimiter = b"--" + boundary.encode("utf-8", "replace")
    start = at = -1
    while room > 0 and (at := body.find(delimiter, at + 1)) >= 0:
        if body[at - 1 : at] not in {b"", b"\n"}:
            continue
        line = body[at + len(delimiter) : (body.find(b"\n", at) + 1) or len(body)]
        if line.strip() not in {b"", b"--"}:
            continue
        if start >= 0:
            yield body[start:at].removesuffix(b"\n").removesuffix(b"\r"), False
            room -= 1
        if line.strip():
            return
        start = at + len(delimiter) + len(line)
    if start >= 0 and room > 0:
        yield body[start:], True


def _pick(alternatives: _Node) -> _Node:
    """The one of several alternatives that reads best in a terminal: plain text, else some text."""
    for wanted in ("text/plain", "text/html", "multipart/"):
        for child in alternatives.children:
            if child.content_type.startswith(wanted) and child.disposition != "attachment":
                return child
    return alternatives.children[-1]


def _shown(node: _Node) -> str:
    """What the body view shows for one node, "" for mere containers."""
    kind = node.content_type
    if kind.startswith("multipart/"):
        return "" if node.children else clean(node.text(), lines=True).strip("\n")
    if kind == "message/rfc822" and node.children:
        subject = next((f.value for f in headers(node.body) if f.name.lower() == "subject"), "")
        return f"── attached message: {subject or '(no subject)'} ──"
    attached = node.disposition == "attachment" or node.filename
    if kind == "text/html" and not attached:
        from mtatui.queue.html_text import html_to_text

        return clean(html_to_text(node.text()), lines=True)
    if (kind.startswith("text/") and not attached) or kind == "message/delivery-status":
        text = clean(node.text(), lines=True).strip("\n")
        return text if kind == "text/plain" or not node.parent else f"── {clean(kind)} ──\n{text}"
    name = clean(node.filename) or "no name"
    return f"── attachment: {name} ({clean(kind)}, {len(node.decoded()):,} bytes) ──"


# --- the head ---

_END_OF_HEAD = re.compile(rb"\A\r?\n|\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]{1,998})[ \t]*:")
_ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*)\?=")
_Q_OCTET = re.compile(rb"=([0-9A-Fa-f]{2})")


def _split_head(raw: bytes) -> tuple[bytes, bytes]:
    match = _END_OF_HEAD.search(raw)
    return (raw[: match.start() + 1], raw[match.end() :]) if match else (raw, b"")


def _fields(head: bytes) -> list[tuple[bytes, bytes]]:
    """Names and unfolded values; a line that is no header field stands under the name b""."""
    fields: list[tuple[bytes, list[bytes]]] = []
    for line in head.split(b"\n"):
        if not line or line == b"\r":
            continue
        line = line.removesuffix(b"\r")  # noqa: PLW2901  # the line, without what ends it
        if line[:1] in b" \t" and fields:
            fields[-1][1].append(line.strip(b" \t"))
        elif match := _FIELD.match(line):
            fields.append((match.group(1), [line[match.end() :].strip(b" \t")]))
        else:
            fields.append((b"", [line]))
    return [(name, b" ".join(value)) for name, value in fields]


def _describe(head: bytes, default: str) -> tuple[str, str, str, str, str, str]:
    """Type, file name, disposition, charset, boundary and transfer encoding, by what a part's header says."""
    from email.message import Message

    first: dict[bytes, bytes] = {}
    for field, value in _fields(head):
        first.setdefault(field.lower(), value)
    found = Message()
    for name in ("Content-Type", "Content-Disposition"):
        value = first.get(name.lower().encode(), default.encode() if name == "Content-Type" else b"")
        found[name] = _guess(value[:_PARAMETER_LIMIT]).encode("utf-8", "replace").decode()
    encoding = _guess(first.get(b"content-transfer-encoding", b"")).strip().lower()

    def parameter(name: str, header: str) -> str:
        """RFC 2231 collapsed; RFC 2047 decoded too, which has no business here and is what mailers use."""
        value = found.get_param(name, "", header=header)
        if isinstance(value, tuple):
            charset, _, text = value
            return _decode(text.encode("raw-unicode-escape", "replace"), (charset or "").lower())
        return decode_words(str(value).encode("utf-8", "replace"))

    try:
        return (
            found.get_content_type(),
            parameter("filename", "Content-Disposition") or parameter("name", "Content-Type"),
            found.get_content_disposition() or "",
            parameter("charset", "Content-Type").lower(),
            parameter("boundary", "Content-Type").rstrip(),
            encoding,
        )
    except Exception:
        # The standard library's parameter parser meets its match now and then (IndexError, UnicodeError, …).
        return default, "", "", "", "", encoding


# --- bytes to characters ---

#: Charsets whose name promises less than mailers put in (as the WHATWG encoding standard reads them).
_SUPERSETS = {
    "gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252",
    "iso-8859-8-i": "iso-8859-8", "shift_jis": "cp932", "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
    "windows-31j": "cp932", "us-ascii": "", "ascii": "", "unknown-8bit": "", "utf8": "utf-8",
}  # fmt: skip
#: Python codecs that are no charset of mail; some are slow enough to be a weapon.
_NOT_CHARSETS = {"idna", "punycode", "undefined", "mbcs", "oem"}


def _decode(data: bytes, charset: str) -> str:
    """Characters from bytes that claim a charset; what the claim cannot read is guessed."""
    if not data:
        return ""
    charset = _SUPERSETS.get(charset, charset)
    if charset and charset.replace("-", "_") not in _NOT_CHARSETS and "escape" not in charset:
        try:
            return data.decode(charset, "replace")
        except (LookupError, ValueError):
            pass
    return _guess(data)


def _guess(data: bytes) -> str:
    """Characters from bytes that claim nothing: UTF-8 where any of it is, else Windows-1252.

    What is not UTF-8 among what is stands as lone surrogates, which `clean` makes visible.
    """
    text = data.decode("utf-8", "surrogateescape")
    if text.isascii() or _BEYOND_ASCII.search(text):
        return text
    return data.decode("cp1252", "replace")


_BEYOND_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")


def _base64(data: bytes) -> bytes:
    """Base64 decoded as far as it goes: junk is skipped, an unfinished end left off."""
    data = data.translate(None, b" \t\r\n")
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        data = _NOT_BASE64.sub(b"", data)
        return binascii.a2b_base64(data[: len(data) - len(data) % 4])


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def _q(text: str) -> bytes:
    """The Q encoding of RFC 2047."""
    data = text.replace("_", " ").encode("utf-8", "surrogateescape")
    return _Q_OCTET.sub(lambda match: bytes([int(match.group(1), 16)]), data)
