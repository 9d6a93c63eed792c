"""The body of a message as its signatures count it: in its two canonical forms, made and hashed once each.

dkimpy does so anew for each signature, holding up everything else, in time that grows with the square of the
longest row of blanks. Here it grows with the length of the body only. Source: RFC 6376, 3.4.3, 3.4.4, 3.7.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import Any


class Body:
    """A body with CRLF at the end of each line."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._forms: dict[bool, bytes] = {}
        self._digests: dict[tuple[str, bool, int], bytes] = {}

    def form(self, relaxed: bool) -> bytes:
        """One of its canonical forms."""
        if relaxed not in self._forms:
            self._forms[relaxed] = relaxed_form(self._body) if relaxed else simple_form(self._body)
        return self._forms[relaxed]

    def matches(self, tags: Mapping[bytes, bytes]) -> bool:
        """Whether it is what a signature says it was (``bh=``, ``l=``, ``c=``, ``a=``)."""
        # Nothing means simple; for ARC, where it means relaxed, dkimpy has said so before.
        relaxed = tags.get(b"c", b"").partition(b"/")[2].strip() == b"relaxed"
        length = int(tags[b"l"]) if b"l" in tags else -1
        name = "sha1" if tags[b"a"].endswith(b"sha1") else "sha256"
        try:
            claimed = base64.b64decode(b"".join(tags[b"bh"].split()))
        except binascii.Error:
            return False
        return claimed == self._digest(name, relaxed, length)

    def _digest(self, name: str, relaxed: bool, length: int) -> bytes:
        key = (name, relaxed, length)
        if key not in self._digests:
            form = memoryview(self.form(relaxed))
            self._digests[key] = hashlib.new(name, form if length < 0 else form[:length]).digest()
        return self._digests[key]

    def verifier(self, base: Any) -> Any:
        """A verifier of dkimpy (its class DKIM or ARC) that asks here about the body."""
        import dkim

        own: Callable[[Mapping[bytes, bytes]], bool] = self.matches

        class Verifier(base):  # type: ignore[misc]  # dkimpy comes without types
            def verify_sig(self, sig: dict[bytes, bytes], *more: Any) -> bool:
                if b"bh" in sig and not own(sig):
                    raise dkim.ValidationError("body hash mismatch")
                rest = {name: value for name, value in sig.items() if name != b"bh"}
                return bool(super().verify_sig(rest, *more))

        return Verifier()


def simple_form(body: bytes) -> bytes:
    """The body without the empty lines at its end; an empty one is one empty line."""
    return body[: _end(body)] + b"\r\n"


def relaxed_form(body: bytes) -> bytes:
    """The body with each row of blanks as one, none at the end of a line, and no empty lines at its end."""
    narrow = body.replace(b"\t", b" ")
    while b"  " in narrow:  # each time every row becomes half as long
        narrow = narrow.replace(b"  ", b" ")
    narrow = narrow.replace(b" \r\n", b"\r\n").removesuffix(b" ")
    return narrow[:end] + b"\r\n" if (end := _end(narrow)) else b""


def _end(body: bytes) -> int:
    """Where the empty lines begin that do not count."""
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return end
