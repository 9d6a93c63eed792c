"""Checks the DKIM signatures of a message and its ARC chain: who signed it, whether that holds, and why not.

By dkimpy, which trusts messages more than it should: what would cost it minutes (a megabyte of blanks, ten
thousand names in ``h=``, a key of a million bits) is found before and told as what it is, and the reasons
that it keeps to itself are found out here. It asks nobody: the keys have been fetched before. Sources: RFC
6376 (DKIM), 8301 and 8463 (its algorithms), 8601 (names of results), 8617 (ARC).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtatui.backends.verdicts.body import Body
from mtatui.text import clean, size

if TYPE_CHECKING:
    from mtatui.backends.resolving import Texts, Trouble

    Keys = Mapping[str, Texts | Trouble]

#: Bytes of a header that are looked at, fields in it, and bytes of one signature: Postfix's header_size_limit
#: is 102400, real signatures have a thousand.
HEAD, FIELDS, LONGEST = 512 * 1024, 2000, 8192
#: Signatures that are checked, and names in the h= of one.
MOST, NAMES = 20, 300
#: Characters of a key record: one of 4096 bits has 740.
KEY = 4096
#: Bits of an RSA key below which a signature says nothing (RFC 8301, 3.2).
BITS = 1024
#: Sets of an ARC chain (RFC 8617, 4.2.1).
SETS = 50

_BLANKS = re.compile(rb"\s{64}")
_INSTANCE = re.compile(rb"(?:^|;)\s{0,8}i\s{0,8}=\s{0,8}(\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class Signature:
    """One DKIM signature, checked. All texts are clean."""

    domain: str
    selector: str
    result: str
    """pass, fail, permerror (it can never be checked), temperror (not now), or "" while it waits."""
    why: str = ""
    """Why it is not well; of one that passes, what is to be known about it, if anything."""
    key: str = ""
    """Kind and size of the published key: ``rsa 2048``, ``ed25519``."""

    @property
    def name(self) -> str:
        """Where its key is published."""
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Seal:
    """One set of an ARC chain: who passed the message on, and what that one said of the chain before."""

    instance: int
    domain: str
    selector: str
    chain: str
    """none (for the first), pass, fail."""
    well: bool
    """The seal holds."""


@dataclass(frozen=True, slots=True)
class Chain:
    """An ARC chain, checked."""

    result: str = "none"
    """none, pass, fail, temperror; permerror for one that is not checked."""
    why: str = ""
    seals: tuple[Seal, ...] = ()
    """The one that was added last first."""


@dataclass(frozen=True)
class Letter:
    """What of a message counts for its signatures."""

    fields: tuple[tuple[bytes, bytes], ...] = ()
    """Name and value, folded as it is, with its CRLF."""
    body: bytes = b""
    trouble: str = ""
    """Why nothing of it can be checked."""

    def values(self, name: bytes) -> list[bytes]:
        """Of all fields of a name, the topmost first."""
        return [value for found, value in self.fields if found.lower() == name]


def letter(raw: bytes) -> Letter:
    """Take a message apart, as it was sent: with CRLF at the end of each line."""
    import dkim

    end = re.search(rb"\n\r?\n", raw[: HEAD + 2]) if not raw.startswith((b"\n", b"\r\n")) else None
    if end is None and len(raw) > HEAD:
        return Letter(trouble=f"its header has more than {size(HEAD)}")
    head, body = (raw[: end.start() + 1], raw[end.end() :]) if end else (raw, b"")
    try:
        fields, _ = dkim.rfc822_parse(head)
    except (dkim.DKIMException, LookupError):
        return Letter(trouble="its header is broken")
    if len(fields) > FIELDS:
        return Letter(trouble=f"it has more than {FIELDS} header fields")
    return Letter(
        tuple((name, value) for name, value in fields), body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    )


def wanted(found: Letter) -> tuple[str, ...]:
    """The names at which the keys of all its signatures and seals are published."""
    names = []
    for field in (b"dkim-signature", b"arc-message-signature", b"arc-seal"):
        for value in found.values(field)[: SETS if b"arc" in field else MOST]:
            domain, selector = _who(_tags(value))
            if domain and selector:
                names.append(f"{selector}._domainkey.{domain}")
    return tuple(dict.fromkeys(names))


# -- DKIM ----------------------------------------------------------------------------------------------------


def signed(found: Letter) -> tuple[Signature, ...]:
    """The signatures, not yet checked."""
    who = [_who(_tags(value)) for value in found.values(b"dkim-signature")[:MOST]]
    return tuple(Signature(clean(domain), clean(selector), "") for domain, selector in who)


def check(found: Letter, keys: Keys) -> tuple[Signature, ...]:
    """Check them, the topmost first. It may take seconds.

    Args:
        keys: what the DNS says of each of the names `wanted`.
    """
    body = Body(found.body)
    signatures = []
    values = found.values(b"dkim-signature")
    for at, (value, signature) in enumerate(zip(values, signed(found), strict=False)):
        try:
            checked = _checked(found, body, at, value, signature, keys)
        except Exception as error:
            # dkimpy has no list of what it may raise: IndexError, nacl's own, …
            words = clean(f"{type(error).__name__}: {error}")[:200]
            checked = replace(signature, result="permerror", why=f"it cannot be read: {words}")
        signatures.append(checked)
    return tuple(signatures)


def _checked(found: Letter, body: Body, at: int, value: bytes, signature: Signature, keys: Keys) -> Signature:
    import dkim

    def bad(result: str, why: str) -> Signature:
        return replace(signature, result=result, why=why)

    tags = _tags(value)
    if len(value) > LONGEST or _BLANKS.search(value):
        return bad("permerror", "it is larger, or folded in another way, than any real one")
    if tags is None or not signature.domain or not signature.selector:
        return bad("permerror", "it cannot be read: it lacks what a signature must have")
    if tags.get("h", "").count(":") >= NAMES:
        return bad("permerror", f"it names more than {NAMES} header fields")
    answer = keys.get(signature_name(tags), ())
    if not isinstance(answer, tuple):
        return bad("temperror", f"its key is not known: {answer}")
    key, trouble = _key(answer)
    signature = replace(signature, key=key)
    if not trouble and key.split(" ")[0] != (kind := tags.get("a", "").partition("-")[0].lower()):
        trouble = f"it was made with a key of another kind ({clean(kind)}) than is published"
    if trouble:
        return bad("permerror", trouble)
    if tags.get("a", "").lower() == "rsa-sha1":
        return bad("permerror", "it was made with SHA-1, which proves nothing any more (RFC 8301)")
    verifier = body.verifier(dkim.DKIM)
    verifier.headers = [list(field) for field in found.fields]
    try:
        well = verifier.verify(at, dnsfunc=lambda name, timeout=0: _record(answer))
    except dkim.DKIMException as error:
        return bad(*_reason(str(error), tags))
    if not well:
        return bad("fail", "the signed headers were changed after that, or it was made with another key")
    return bad("pass", "; ".join(_notes(found, body, tags, answer)))


def _reason(said: str, tags: Mapping[str, str]) -> tuple[str, str]:
    """What dkimpy complains of, as result and in words."""
    if said.startswith("body hash mismatch"):
        return "fail", "the body was changed after it was signed"
    if said.startswith("x= value is past"):
        return "fail", f"it expired on {_day(tags['x'])}"
    if said.startswith("t= value is in the future"):
        return "permerror", f"it was made in the future, on {_day(tags['t'])}"
    return "permerror", f"it cannot be read: {clean(said)[:200]}"


def _notes(found: Letter, body: Body, tags: Mapping[str, str], answer: tuple[str, ...]) -> list[str]:
    """What is to be known of a signature that holds."""
    notes = []
    length = tags.get("l", "")
    whole = len(body.form(tags.get("c", "").endswith("/relaxed")))
    if length and int(length) < whole:
        rest = size(whole - int(length))
        notes.append(f"only the beginning of the body is signed; {rest} behind it may be anybody's")
    if "y" in (_tags(_record(answer)) or {}).get("t", "").split(":"):
        notes.append("the domain says that it only tries DKIM out (t=y)")
    author = _author(found)
    domain = tags["d"].lower()
    if (
        author
        and author != domain
        and not author.endswith(f".{domain}")
        and not domain.endswith(f".{author}")
    ):
        notes.append(f"not the domain in From ({clean(author)})")
    return notes


def _author(found: Letter) -> str:
    from email.utils import parseaddr

    values = found.values(b"from")
    address = parseaddr(values[0][:998].decode("utf-8", "replace"))[1] if values else ""
    return address.rpartition("@")[2].lower()


# -- keys ----------------------------------------------------------------------------------------------------


def _record(answer: tuple[str, ...]) -> bytes:
    """Of the TXT records the one that is a key (RFC 6376, 3.6.2.2: there ought to be one only)."""
    keys = [text for text in answer if "p=" in text.replace(" ", "")] or [*answer[:1]]
    return keys[0].encode("utf-8", "replace") if keys else b""


def _key(answer: tuple[str, ...]) -> tuple[str, str]:
    """The kind and size of a published key, and what is wrong with it."""
    import dkim

    record = _record(answer)
    if not record:
        return "", "no key is published"
    tags = _tags(record)
    if len(record) > KEY:
        return "", "what is published is too long to be a key"
    if tags is not None and tags.get("p") == "":
        return "", "the key was revoked by its domain"
    if tags is None or "p" not in tags:
        return "", "what is published is no key"
    try:
        _, bits, kind, _ = dkim.evaluate_pk(b"", record)
    except Exception:  # see `check`
        return "", "the published key is broken"
    if kind == b"ed25519":
        return "ed25519", ""
    words = f"rsa {bits}"
    if bits < BITS:
        return words, f"the key is too small: {bits} bits, where {BITS} are the least (RFC 8301)"
    return words, ""


def signature_name(tags: Mapping[str, str]) -> str:
    """Where the key of a signature is published."""
    return f"{tags.get('s', '')}._domainkey.{tags.get('d', '')}"


# -- ARC -----------------------------------------------------------------------------------------------------


def chain(found: Letter, keys: Keys) -> Chain:
    """Check the ARC chain. It may take seconds."""
    import dkim

    seals = found.values(b"arc-seal")
    parts = [value for name, value in found.fields if name.lower() in dkim.ARC.ARC_HEADERS]
    if not parts:
        return Chain()
    if len(seals) > SETS or len(parts) > 3 * SETS or any(_instance(value) > SETS for value in parts):
        return Chain("permerror", f"it has more than {SETS} sets, which no chain may have (RFC 8617)")
    if any(len(value) > HEAD // 8 or _BLANKS.search(value) for value in parts):
        return Chain("permerror", "it is larger, or folded in another way, than any real one")
    messages = [_tags(value) or {} for value in found.values(b"arc-message-signature")]
    if any(tags.get("h", "").count(":") >= NAMES for tags in messages):
        return Chain("permerror", f"it names more than {NAMES} header fields")
    silent = [answer for name in wanted(found) if not isinstance(answer := keys.get(name, ()), tuple)]
    if silent:
        return Chain("temperror", f"a key is not known: {silent[0]}")
    verifier = Body(found.body).verifier(dkim.ARC)
    verifier.headers = [list(field) for field in found.fields]
    try:
        result, sets, why = verifier.verify(dnsfunc=lambda name, timeout=0: _published(keys, name))
    except Exception as error:  # see `check`
        return Chain("permerror", f"it cannot be read: {clean(f'{type(error).__name__}: {error}')[:200]}")
    shown = tuple(_seal(one) for one in sets)
    word = result.decode() if result else "fail"
    return Chain(word, "" if word == "pass" else clean(why), shown)


def _published(keys: Keys, name: bytes) -> bytes:
    """A key for dkimpy, b"" for one that is not to be used."""
    answer = keys.get(name.decode("utf-8", "replace").rstrip("."), ())
    return _record(answer) if isinstance(answer, tuple) and not _key(answer)[1] else b""


def _seal(one: Mapping[str, object]) -> Seal:
    def text(name: str) -> str:
        value = one.get(name, b"")
        return clean(value.decode("utf-8", "replace")) if isinstance(value, bytes) else ""

    instance = one.get("instance")
    return Seal(
        instance if isinstance(instance, int) else 0,
        text("as-domain"),
        text("as-selector"),
        text("cv"),
        bool(one.get("as-valid")),
    )


def _instance(value: bytes) -> int:
    match = _INSTANCE.search(value[:LONGEST])
    return int(match[1]) if match else 0


# -- reading -------------------------------------------------------------------------------------------------


def _tags(value: bytes) -> dict[str, str] | None:
    """The tags of a signature or a key (RFC 6376, 3.2), without blanks; None for what is no such list."""
    from dkim.util import InvalidTagValueList, parse_tag_value

    try:
        found = parse_tag_value(value[:LONGEST])
    except (InvalidTagValueList, Exception):  # InvalidTagSpec is not one of them
        return None
    return {
        name.decode("ascii", "replace"): b"".join(text.split()).decode("utf-8", "replace")
        for name, text in found.items()
    }


def _who(tags: Mapping[str, str] | None) -> tuple[str, str]:
    """Domain and selector, "" for what is not there."""
    return (tags.get("d", ""), tags.get("s", "")) if tags else ("", "")


def _day(seconds: str) -> str:
    return time.strftime("%d %b %Y", time.gmtime(min(int(seconds), 1 << 40)))
