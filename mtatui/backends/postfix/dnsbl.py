"""Tries a DNS block list through the server's own resolver, by the entries each has for that (RFC 5782).

A list that does not answer costs time with each client; one that refuses the resolver answers for everybody,
and all mail is turned away; one that lists the whole world (a domain that was sold) does, too.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mtatui.backends.host import Host, Unreachable
from mtatui.text import clean

PROGRAM = Path(__file__).with_name("asking.py")
#: Seconds for the whole test; the program ends by itself before that.
PATIENCE = 15.0

#: What must be listed, and what must not: addresses, and in lists of domains the names they have for that.
_LISTED_ADDRESS, _FREE_ADDRESS = "2.0.0.127", "1.0.0.127"
_LISTED_NAMES = ("test", "dbltest.com", "test.surbl.org", "test.uribl.com")
_FREE_NAME = "invalid"
_ASKED = (_LISTED_ADDRESS, _FREE_ADDRESS, *_LISTED_NAMES, _FREE_NAME)

Answers = Mapping[str, list[str] | str]


@dataclass(frozen=True, slots=True)
class ZoneTest:
    """How a block list answered."""

    zone: str
    ok: bool
    text: str
    """What came out, and what it means, in a sentence or two."""


async def test_zone(host: Host, zone: str) -> ZoneTest:
    """Ask a block list for its test entries, from the server.

    Args:
        zone: as a restriction has it, with a reply filter or without.

    Raises:
        HostError: the program could not run there.
    """
    domain = zone.partition("=")[0]
    names = "".join(f"{asked}.{domain}\n" for asked in _ASKED)
    argv = [sys.executable, "-I", "-S", str(PROGRAM)]
    completed = await host.run(argv, input=names.encode(), timeout=PATIENCE, note=f"tries {domain}")
    try:
        answers = json.loads(completed.stdout)
    except ValueError:
        raise Unreachable(
            f"The resolver of {host.name} could not be asked: {completed.errors or 'nothing came back'}."
        ) from None
    return judge(zone, {asked: answers[f"{asked}.{domain}"] for asked in _ASKED})


def judge(zone: str, answers: Answers) -> ZoneTest:
    """What the answers to the test entries say about a list.

    Args:
        answers: by what was asked: addresses, none, or what went wrong.
    """
    domain, _, pattern = zone.partition("=")

    def told(ok: bool, text: str) -> ZoneTest:
        return ZoneTest(zone, ok, text)

    said = {asked: answer for asked, answer in answers.items() if isinstance(answer, list)}
    codes = [code for answer in said.values() for code in answer]
    if refused := next((code for code in codes if code.startswith("127.255.255.")), ""):
        why = _REFUSALS.get(refused, "it does not serve this resolver")
        return told(
            False,
            f"{domain} refuses your resolver ({refused}): {why}. Every client would count as listed. "
            "Use a resolver of your own on this server, or a key of the list's operator.",
        )
    if strange := next((code for code in codes if not code.startswith("127.")), ""):
        return told(
            False,
            f"{domain} answers with {clean(strange)}, which no block list does: the domain was sold, or "
            "the resolver "
            "makes up answers. All mail would be turned away.",
        )
    free = [asked for asked in (_FREE_ADDRESS, _FREE_NAME) if _lists(said, asked)]
    if free:
        return told(
            False,
            f"{domain} lists everything, even {_shown(free[0])}, which must not be listed: it was given "
            "up, and "
            "would turn all mail away.",
        )
    address = said.get(_LISTED_ADDRESS, []) if _lists(said, _LISTED_ADDRESS) else []
    name = next((asked for asked in _LISTED_NAMES if _lists(said, asked)), "")
    if address or name:
        found = address or said[name]
        what = "127.0.0.2" if address else name
        if pattern and not any(matches(pattern, code) for code in found):
            return told(
                True,
                f"{domain} works, but of what it says of {what} ({', '.join(found)}) the filter {pattern} "
                "takes "
                "nothing: see whether that is meant.",
            )
        kind = "" if address else " It is a list of domains: of use for senders and names, not for addresses."
        return told(
            True, f"{domain} works: it lists {what} ({', '.join(found)}), and not what is free.{kind}"
        )
    if trouble := next((answer for answer in answers.values() if isinstance(answer, str)), ""):
        return told(False, f"{domain} does not answer the resolver of this server: {clean(trouble)}.")
    return told(
        False,
        f"{domain} does not list 127.0.0.2, which every list must: it is none (any more), or the name is "
        "misspelled.",
    )


#: What operators mean by these (Spamhaus has set the custom).
_REFUSALS = {
    "127.255.255.252": "the name of the list is misspelled",
    "127.255.255.254": "it came through a public resolver, which the list does not serve",
    "127.255.255.255": "too many questions came from it",
}


def _lists(said: Mapping[str, list[str]], asked: str) -> bool:
    """Whether something is listed; 127.0.1.255 is how lists of domains say that addresses are not theirs."""
    return any(code != "127.0.1.255" for code in said.get(asked, ()))


def _shown(asked: str) -> str:
    return "127.0.0.1" if asked == _FREE_ADDRESS else asked


def matches(pattern: str, code: str) -> bool:
    """Whether a reply filter takes an answer (postconf(5), reject_rbl_client: ``127.0.0.[2..11;15]``)."""
    parts = re.findall(r"\[[^\]]*\]|[^.\[\]]+", pattern)
    octets = code.split(".")
    return len(parts) == len(octets) and all(map(_takes, parts, octets))


def _takes(part: str, octet: str) -> bool:
    ranges = (piece.partition("..") for piece in part.strip("[]").split(";"))
    return any(
        low.isdigit() and int(low) <= int(octet) <= int(high if dots and high.isdigit() else low)
        for low, dots, high in ranges
    )
