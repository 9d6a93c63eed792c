"""Verdicts that stand still: as they begin, while clamd scans, and all of them."""

from __future__ import annotations

from dataclasses import replace

from mtatui.backends.verdicts import Spam, State, Verdicts, Virus
from mtatui.backends.verdicts.read import Rule
from mtatui.backends.verdicts.signatures import Chain, Seal, Signature
from mtatui.queue.claims import claim
from mtatui.text import clean

BEGUN = Verdicts(
    "39B8DA804F9",
    1234,
    signatures=(Signature("shop.test", "s1", ""),),
    claims=(claim("mx.isp.test; dkim=pass (2048-bit) header.d=shop.test; spf=fail smtp.mailfrom=a@b.test"),),
)
SCANNING = replace(BEGUN, virus=Virus(words="clamd is scanning"))
DONE = replace(
    BEGUN,
    virus=Virus(State.DONE, ("Eicar-Test.UNOFFICIAL",), "ClamAV 1.4.3/27500"),
    spam=Spam(
        State.DONE, 1003.2, 5.0,
        (
            Rule("GTUBE", 1000.0, "BODY: Generic Test for Unsolicited Bulk Email"),
            Rule("LOUD", 3.2, clean("Shouts" + "\x1b[2J\x9b\u202e[/x]\x00")),
            Rule("NO_RELAYS", -0.001, "Informational"),
        ),
        "spamassassin 4.0.1",
    ),
    signatures=(
        Signature("shop.test", "s1", "pass", "", "rsa 2048"),
        Signature("list.test", "k", "fail", "the body was changed after it was signed", "ed25519"),
    ),
    chain=Chain("pass", "", (Seal(1, "list.test", "arc", "none", True),)),
)  # fmt: skip
