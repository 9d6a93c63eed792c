"""DKIM signatures and ARC chains of real making, whole and spoilt; and messages that mean harm."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

import dkim
import nacl.signing
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.backends.resolving import Trouble
from mtatui.backends.verdicts.body import relaxed_form, simple_form
from mtatui.backends.verdicts.signatures import (
    MOST,
    Chain,
    Signature,
    chain,
    check,
    letter,
    signed,
    wanted,
)
from mtatui.text import clean

LETTER = (
    b"From: Anna <anna@shop.test>\r\nTo: bert@else.test\r\nSubject: a  bill\r\n"
    b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n\r\nPlease   pay \t \r\n\r\n line\r\n\r\n\r\n"
)
NAME = "s._domainkey.shop.test"


@cache
def rsa(bits: int = 2048) -> tuple[bytes, str]:
    """A private key, and the record that publishes it."""
    made = subprocess.run(["openssl", "genrsa", "-traditional", str(bits)], capture_output=True, check=True)
    public = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=made.stdout, capture_output=True, check=True
    )
    return made.stdout, f"v=DKIM1; k=rsa; p={base64.b64encode(public.stdout).decode()}"


@cache
def ed25519() -> tuple[bytes, str]:
    key = nacl.signing.SigningKey.generate()
    public = base64.b64encode(bytes(key.verify_key)).decode()
    return base64.b64encode(bytes(key)), f"v=DKIM1; k=ed25519; p={public}"


def sign(raw: bytes = LETTER, key: bytes = b"", domain: bytes = b"shop.test", **how: Any) -> bytes:
    header: bytes = dkim.sign(raw, b"s", domain, key or rsa()[0], **how)
    return header + raw


def one(raw: bytes, keys: Mapping[str, Any] | None = None) -> Signature:
    [signature] = check(letter(raw), {NAME: (rsa()[1],)} if keys is None else keys)
    return signature


@pytest.mark.parametrize("how", [(b"simple", b"simple"), (b"relaxed", b"simple"), (b"relaxed", b"relaxed")])
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_what_was_signed_passes(how: tuple[bytes, bytes], end: bytes) -> None:
    raw = sign(canonicalize=how).replace(b"\r\n", end)
    assert one(raw) == Signature("shop.test", "s", "pass", "", "rsa 2048")
    assert wanted(letter(raw)) == (NAME,)


def test_the_other_kind_of_key_does_too() -> None:
    raw = sign(key=ed25519()[0], signature_algorithm=b"ed25519-sha256")
    assert one(raw, {NAME: (ed25519()[1],)}).result == "pass"
    assert "key of another kind (ed25519)" in one(raw).why


@pytest.mark.parametrize(
    ("spoil", "result", "why"),
    [
        ((b"Please", b"Do not"), "fail", "the body was changed"),
        ((b"Subject: a  bill", b"Subject: no bill"), "fail", "the signed headers were changed"),
        ((b"From: Anna", b"From: eve@evil.test\r\nFrom: Anna"), "fail", "the signed headers were changed"),
        ((b" t=", b" x=1000000000; t="), "fail", "it expired on 09 Sep 2001"),
        ((b" t=", b" t=9000000000; u="), "permerror", "made in the future, on 14 Mar 2255"),
        ((b"rsa-sha256", b"rsa-sha1"), "permerror", "SHA-1"),
        ((b"bh=", b"bx="), "permerror", "missing"),
        ((b"q=dns/txt", b"q=http"), "permerror", "q= value"),
        ((b"d=shop.test", b"d=shop.test; d=shop.test"), "permerror", "cannot be read"),
        ((b"s=s;", b"s=;"), "permerror", "lacks"),
        ((b" h=", b" h=" + b"a:" * 400), "permerror", "names more than 300"),
        ((b" h=", b" " * 70 + b"h="), "permerror", "folded in another way"),
    ],
)
def test_why_one_does_not(spoil: tuple[bytes, bytes], result: str, why: str) -> None:
    found = one(sign().replace(spoil[0], spoil[1], 1))
    assert (found.result, why in found.why) == (result, True), found


@pytest.mark.parametrize(
    ("answer", "result", "why"),
    [
        (Trouble("192.0.2.53 does not answer"), "temperror", "its key is not known: 192.0.2.53 does not"),
        ((), "permerror", "no key is published"),
        (("v=spf1 -all",), "permerror", "what is published is no key"),
        (("v=DKIM1; p=",), "permerror", "revoked"),
        (("v=DKIM1; p= ; k=rsa",), "permerror", "revoked"),
        (("v=DKIM1; p=AAAA",), "permerror", "the published key is broken"),
        (("v=DKIM1; k=dsa; p=AAAA",), "permerror", "the published key is broken"),
        (("v=DKIM1; p=" + "A" * 9000,), "permerror", "too long to be a key"),
        (("p=\x1b[2J\udcff",), "permerror", "broken"),
    ],
)
def test_keys_that_are_none(answer: Any, result: str, why: str) -> None:
    found = one(sign(), {NAME: answer})
    assert (found.result, why in found.why) == (result, True), found
    assert found.why == clean(found.why)


def test_a_small_key_says_nothing() -> None:
    found = one(sign(key=rsa(512)[0]), {NAME: (rsa(512)[1],)})
    assert (found.result, found.key) == ("permerror", "rsa 512")
    assert "too small: 512 bits, where 1024 are the least" in found.why


def test_a_key_is_found_among_other_records() -> None:
    assert one(sign(), {NAME: ("google-site-verification=x", rsa()[1])}).result == "pass"


def test_what_is_to_be_known_of_one_that_passes() -> None:
    found = one(sign(length=True) + b"Click here: http://evil.test/\r\n")
    assert found.result == "pass"
    assert "only the beginning of the body is signed; 35 B behind it may be anybody's" in found.why
    assert one(sign(length=True)).why == ""
    assert "(t=y)" in one(sign(), {NAME: (rsa()[1] + "; t=y",)}).why
    name = "s._domainkey.list.test"
    assert "not the domain in From (shop.test)" in one(sign(domain=b"list.test"), {name: (rsa()[1],)}).why


def test_each_of_several_is_told_in_their_order() -> None:
    raw = sign(sign(), domain=b"list.test").replace(b"\r\nTo: bert", b"\r\nTO: bert")
    found = check(letter(raw), {NAME: (rsa()[1],)})
    assert [(one.domain, one.result) for one in found] == [("list.test", "permerror"), ("shop.test", "pass")]
    assert [one.result for one in signed(letter(raw))] == ["", ""]


# -- ARC -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A message that a list passed on, and then another."""
    results = [SimpleNamespace(method="dkim", result="pass")]

    def parse(header: str) -> Any:
        chained = [SimpleNamespace(method="arc", result="pass")] if "arc=pass" in header else []
        return SimpleNamespace(authserv_id=header.split()[1].rstrip(";"), results=results + chained)

    reader = SimpleNamespace(
        AuthenticationResultsHeader=SimpleNamespace(parse=parse),
        core=SimpleNamespace(SyntaxError=ValueError),
    )
    monkeypatch.setattr(dkim, "authres", reader, raising=False)
    raw = LETTER
    for domain, said in ((b"one.test", b"dkim=pass"), (b"two.test", b"arc=pass")):
        raw = b"Authentication-Results: " + domain + b"; " + said + b"\r\n" + raw
        raw = b"".join(dkim.arc_sign(raw, b"s", domain, rsa()[0], domain)) + raw
    return raw


KEYS = {f"s._domainkey.{domain}": (rsa()[1],) for domain in ("one.test", "two.test")}


def test_a_whole_chain(sealed: bytes) -> None:
    found = chain(letter(sealed), KEYS)
    assert (found.result, found.why) == ("pass", "")
    assert [(seal.instance, seal.domain, seal.chain, seal.well) for seal in found.seals] == [
        (2, "two.test", "pass", True),
        (1, "one.test", "none", True),
    ]
    assert wanted(letter(sealed)) == tuple(KEYS)[::-1] or set(wanted(letter(sealed))) == set(KEYS)


def test_a_broken_one(sealed: bytes) -> None:
    found = chain(letter(sealed + b"more\r\n"), KEYS)
    assert (found.result, found.why) == ("fail", "Most recent ARC-Message-Signature did not validate")
    assert chain(letter(sealed), {}).result == "fail"
    assert chain(letter(sealed.replace(b"i=1", b"i=3")), KEYS).result in ("fail", "permerror")


def test_one_whose_keys_nobody_knows(sealed: bytes) -> None:
    found = chain(letter(sealed), dict.fromkeys(KEYS, Trouble("192.0.2.53 does not answer")))
    assert (found.result, found.why) == ("temperror", "a key is not known: 192.0.2.53 does not answer")


def test_none_and_nonsense() -> None:
    assert chain(letter(LETTER), {}) == Chain()
    assert "more than 50 sets" in chain(letter(b"ARC-Seal: i=99; cv=none\r\n" + LETTER), {}).why
    assert chain(letter(b"ARC-Seal: i=\x1b[2J\r\n" + LETTER), {}).result in ("none", "fail", "permerror")


# -- messages that mean harm ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b" folded from the start\r\n\r\nx",
        b"no header at all \xff\r\n\r\nx",
        b"DKIM-Signature:\r\n\r\nx",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=\xff; s=\xff; h=from; bh=AAAA; b=AAAA\r\nFrom: a@b\r\n\r\nx",
        b"DKIM-Signature: " + b"; ".join(b"a%d=x" % n for n in range(9000)) + b"\r\n\r\nx",
        b"X: y\r\n" * 100_000 + b"\r\nbody",
        b"X" * 600_000,
    ],
)
def test_no_message_breaks_it(raw: bytes) -> None:
    found = letter(raw)
    for signature in check(found, {}):
        assert signature.result != "pass"
    chain(found, {})
    assert len(wanted(found)) <= 1


def test_a_heap_of_signatures_is_not_climbed() -> None:
    raw = b"".join(b"DKIM-Signature: d=d%d.test; s=s\r\n" % n for n in range(500)) + LETTER
    assert len(check(letter(raw), {})) == len(wanted(letter(raw))) == MOST


def test_a_desert_of_blanks_is_crossed_at_once() -> None:
    """dkimpy itself would take hours for it."""
    body = b"x" + b" \t" * 1_500_000 + b"x\r\n" + b"\r\n" * 200_000
    raw = sign(LETTER, canonicalize=(b"relaxed", b"relaxed"))
    found = one(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + body)
    assert (found.result, found.why) == ("fail", "the body was changed after it was signed")


@given(st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"\r", b"\xff"])).map(b"".join))
def test_a_body_has_the_forms_that_dkimpy_gives_it(body: bytes) -> None:
    body += b"\r\n"
    assert relaxed_form(body) == dkim.canonicalization.Relaxed.canonicalize_body(body)
    assert simple_form(body) == dkim.canonicalization.Simple.canonicalize_body(body)


@settings(max_examples=50)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_noise_in_a_signature_never_passes_for_one(noise: bytes, at: int) -> None:
    raw = sign()
    for signature in check(letter(raw[:at] + noise + raw[at:]), {NAME: (rsa()[1],)}):
        assert signature.why == clean(signature.why)
        assert signature.domain == clean(signature.domain)
