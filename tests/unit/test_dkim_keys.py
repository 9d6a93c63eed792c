"""Keys and records of DKIM, held against openssl and dkimpy: what is derived, split, compared."""

from __future__ import annotations

import base64
import re
import subprocess

import dkim
import dkim.crypto
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.backends.dkim import keys as dkim_keys
from mtatui.backends.dkim.keys import Public, Standing, Type, compare
from mtatui.backends.resolving import Trouble


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True).stdout


RSA = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024")
OLD_FORM = openssl("rsa", "-traditional", given=RSA)
LARGE = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
ED25519 = openssl("genpkey", "-algorithm", "ED25519")


# Keys are new each time; what a test is called must not be.
@pytest.mark.parametrize("private", [RSA, OLD_FORM, LARGE], ids=["PKCS 8", "PKCS 1", "2048 bits"])
def test_the_public_half_is_what_openssl_says(private: bytes) -> None:
    key = dkim_keys.public(private)
    assert key.data == openssl("pkey", "-pubout", "-outform", "DER", given=private)
    assert str(key) == f"RSA {2048 if private == LARGE else 1024}"
    bare = b"".join(line for line in private.splitlines() if not line.startswith(b"-"))
    assert dkim_keys.public(bare).same(key)


def test_an_ed25519_key_is_what_openssl_says() -> None:
    key = dkim_keys.public(ED25519)
    assert key.data == openssl("pkey", "-pubout", "-outform", "DER", given=ED25519)[-32:]
    assert str(key) == "Ed25519"


@pytest.mark.parametrize(
    ("private", "kind"), [(LARGE, b"rsa-sha256"), (ED25519, b"ed25519-sha256")], ids=["rsa", "ed25519"]
)
def test_what_is_signed_with_it_verifies_with_its_record(private: bytes, kind: bytes) -> None:
    message = b"From: a@example.test\r\nSubject: x\r\n\r\nHello\r\n"
    seed = base64.b64encode(base64.b64decode(b"".join(private.splitlines()[1:-1]))[-32:])
    key = private if kind == b"rsa-sha256" else seed
    signature = dkim.sign(message, b"s", b"example.test", key, signature_algorithm=kind)
    record = dkim_keys.record(dkim_keys.public(private)).encode()

    def texts(name: bytes, timeout: int = 5) -> bytes:
        assert name == b"s._domainkey.example.test."
        return record

    assert dkim.verify(signature + message, dnsfunc=texts)
    assert not dkim.verify(signature + message.replace(b"Hello", b"Hullo"), dnsfunc=texts)


@pytest.mark.parametrize(
    ("private", "words"),
    [
        (b"", "no private key"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "damaged"),
        (RSA.replace(b"\n", b"\n!", 2), "no private key that can be read"),
        (RSA[:300] + b"\n-----END PRIVATE KEY-----", "no private key"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "encrypted"),
        (openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), "neither RSA nor"),
    ],
    ids=["nothing", "certificate", "short", "damaged", "cut", "encrypted", "elliptic"],
)
def test_what_is_no_key_is_told_in_words(private: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dkim_keys.public(private)


@given(st.binary(max_size=200))
def test_nonsense_is_refused_and_nothing_else(data: bytes) -> None:
    for private in (data, b"-----BEGIN PRIVATE KEY-----\n" + base64.b64encode(data) + b"\n-----END"):
        with pytest.raises(ValueError):  # noqa: PT011  # in words, whichever
            dkim_keys.public(private)


@settings(max_examples=30)
@given(st.integers(20, 255), st.sampled_from([RSA, LARGE, ED25519]))
def test_the_strings_of_a_zone_file_make_the_record(longest: int, private: bytes) -> None:
    key = dkim_keys.public(private)
    lines = dkim_keys.zone("example.test", "s1", key, longest)
    assert lines[0].startswith("s1._domainkey.example.test. IN TXT ")
    strings = re.findall(r'"([^"]*)"', "\n".join(lines))
    assert "".join(strings) == dkim_keys.record(key)
    assert max(map(len, strings)) <= longest
    assert ("(" in lines[0]) == (len(strings) > 1) == lines[-1].endswith(")")


KEY, OTHER = dkim_keys.public(LARGE), dkim_keys.public(RSA)
P = base64.b64encode(KEY.data).decode()
BARE = base64.b64encode(openssl("rsa", "-RSAPublicKey_out", "-outform", "DER", given=LARGE)).decode()


@pytest.mark.parametrize(
    ("records", "standing", "words"),
    [
        ((f"v=DKIM1; k=rsa; p={P}",), Standing.MATCHES, "publishes this key"),
        ((f"p={P[:100]} {P[100:]}",), Standing.MATCHES, "publishes this key"),
        ((f"v=DKIM1;p={BARE};",), Standing.MATCHES, "publishes this key"),
        ((f"v=DKIM1; h=sha1:sha256; s=email; p={P}",), Standing.MATCHES, "publishes this key"),
        ((), Standing.MISSING, "Publish it"),
        (("v=DKIM1; p=",), Standing.REVOKED, "revoked"),
        (("v=DKIM1; k=rsa; p= ",), Standing.REVOKED, "revoked"),
        (
            (dkim_keys.record(OTHER),),
            Standing.DIFFERS,
            "another key (RSA 1024) than the private one (RSA 2048)",
        ),
        ((dkim_keys.record(dkim_keys.public(ED25519)),), Standing.DIFFERS, "another key (Ed25519)"),
        ((f"v=DKIM1; p={P}", "hello"), Standing.DIFFERS, "2 records"),
        ((f"v=DKIM2; p={P}",), Standing.DIFFERS, "version"),
        ((f"p={P}; v=DKIM1",), Standing.DIFFERS, "version"),
        (("v=DKIM1; k=rsa",), Standing.DIFFERS, "no key"),
        (("some text \x1b[31m",), Standing.DIFFERS, "no DKIM record"),
        ((f"v=DKIM1; p={P[:200]}",), Standing.DIFFERS, "cut off"),
        ((f"v=DKIM1; p={P}!",), Standing.DIFFERS, "not base64"),
        ((f"v=DKIM1; p={P}; p={P}",), Standing.DIFFERS, "twice"),
        ((f"v=DKIM1; k=dsa; p={P}",), Standing.DIFFERS, "nobody knows keys of type dsa"),
        ((f"v=DKIM1; h=sha1; p={P}",), Standing.DIFFERS, "not sha256"),
        ((f"v=DKIM1; s=tlsrpt; p={P}",), Standing.DIFFERS, "not for mail"),
        (Trouble("192.0.2.53 does not answer"), Standing.UNKNOWN, "192.0.2.53 does not answer"),
    ],
)
def test_what_is_published_is_held_against_the_key(
    records: tuple[str, ...] | Trouble, standing: Standing, words: str
) -> None:
    found = compare("example.test", "s1", KEY, records)
    assert (found.standing, words in found.text) == (standing, True), found.text
    assert "s1._domainkey.example.test" in found.text
    assert found.text.isprintable()


def test_what_is_odd_about_a_record_that_works_is_noted() -> None:
    found = compare("a.test", "s", OTHER, (f"{dkim_keys.record(OTHER)}; t=y",))
    assert found.standing is Standing.MATCHES
    assert [note[:3] for note in found.notes] == ["t=y", "102"]
    assert compare("a.test", "s", None, (dkim_keys.record(OTHER),)).standing is Standing.UNKNOWN


def test_a_record_matches_as_dkimpy_would_take_it() -> None:
    theirs = dkim.crypto.parse_public_key(base64.b64decode(BARE))
    assert KEY.numbers == (theirs["modulus"], theirs["publicExponent"])
    assert not KEY.same(Public(Type.RSA, KEY.data, 2048, (KEY.numbers[0], 3)))


@given(st.text(max_size=120))
def test_whatever_strangers_publish_is_judged(text: str) -> None:
    found = compare("a.test", "s", KEY, (text,))
    assert found.standing in (Standing.DIFFERS, Standing.REVOKED)
    assert found.text.isprintable()
