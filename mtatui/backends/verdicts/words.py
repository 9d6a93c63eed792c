"""The verdicts on a message in words: the same for the screen, the command line and the JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from mtatui.backends.verdicts import Spam, State, Verdicts, Virus
from mtatui.backends.verdicts.signatures import Chain, Signature
from mtatui.queue.claims import Claim, Claimed
from mtatui.text import clean

_STAYS = (
    "The message does not leave this server: clamd and SpamAssassin (its local tests only) look at it here."
)
_ASKS = "The DNS is asked for the keys of its signatures; nothing else is asked of the network."
_ASKS_NOT = "It has no signatures: nothing at all is asked of the network."
#: What stands for a result, before its word.
_GLYPHS = {"pass": "●", "fail": "✖", "temperror": "◐", "": "◌"}
_ROLES = {"pass": "strong", "fail": "danger", "permerror": "warning", "temperror": "warning"}


class Line(NamedTuple):
    """One line: what it is about, what is said, and the role it plays (strong, warning, danger, dim)."""

    label: str
    text: str
    role: str = ""


def lines(verdicts: Verdicts) -> Iterator[Line]:
    """All that is known so far."""
    yield from _virus(verdicts.virus)
    yield Line("", "")
    yield from _spam(verdicts.spam)
    yield Line("", "")
    yield from _signatures(verdicts)
    yield from _chain(verdicts.chain)
    yield Line("", "")
    yield from _claims(verdicts.claims)
    yield Line("", "")
    keyless = verdicts.chain is not None and not verdicts.signatures and verdicts.chain.result == "none"
    yield Line("", f"{_STAYS} {_ASKS_NOT if keyless else _ASKS}", "dim")


INVITATION = (
    "V has this message judged: clamd looks for viruses, SpamAssassin scores it, its DKIM signatures and its "
    "ARC chain are verified. It takes a few seconds.",
    f"{_STAYS} {_ASKS}",
)


def _undone(label: str, one: Virus | Spam) -> Iterator[Line]:
    """Of a verdict that is not there what is to be said instead."""
    match one.state:
        case State.WAITING:
            yield Line(label, f"◌ {one.words or 'is waited for'} …", "dim")
        case State.MISSING:
            yield Line(label, f"○ {one.words}", "dim")
        case State.FAILED:
            yield Line(label, f"◐ not known: {one.words}", "warning")
    if one.advice:
        yield Line("", one.advice, "dim")


def _virus(virus: Virus) -> Iterator[Line]:
    if virus.state is not State.DONE:
        yield from _undone("virus", virus)
    elif virus.found:
        yield Line("virus", f"✖ {', '.join(virus.found)}", "danger")
    else:
        yield Line("virus", "● none found", "strong")
    if virus.scanner:
        yield Line("", f"by {virus.scanner}", "dim")


def _spam(spam: Spam) -> Iterator[Line]:
    if spam.state is not State.DONE:
        yield from _undone("spam", spam)
    else:
        word = "spam" if spam.is_spam else "no spam"
        glyph, role = ("✖", "danger") if spam.is_spam else ("●", "strong")
        limit = f"SpamAssassin's own limit is {points(spam.required)}"
        yield Line("spam", f"{glyph} {points(spam.points)} points: {word} ({limit})", role)
        yield Line("", f"by {spam.scorer}, local tests only; amavis has limits of its own", "dim")
    for note in spam.notes:
        yield Line("", note, "warning")
    for rule in spam.rules:
        text = f"{rule.name}  {rule.description}".rstrip()
        yield Line(points(rule.points).rjust(8), text, "" if abs(rule.points) >= 0.05 else "dim")
    if spam.state is State.DONE and not spam.rules:
        yield Line("", "no rule matched", "dim")


def points(number: float) -> str:
    """Points with two digits: what rounds to nothing is told from nothing."""
    return f"{number:.2f}".replace("-0.00", "0.00")


def _signatures(verdicts: Verdicts) -> Iterator[Line]:
    if verdicts.signatures_words:
        yield Line("DKIM", f"○ {verdicts.signatures_words}", "warning")
    elif not verdicts.signatures:
        waiting = verdicts.chain is None
        yield Line("DKIM", "◌ is looked for …" if waiting else "○ not signed", "dim")
    for at, one in enumerate(verdicts.signatures):
        yield _signature("" if at else "DKIM", one)


def _signature(label: str, one: Signature) -> Line:
    glyph, word = _GLYPHS.get(one.result, "○"), one.result or "is checked …"
    about = ", ".join(filter(None, (f"selector {one.selector or '?'}", one.key)))
    text = f"{glyph} {word}  {one.domain or '?'} ({about})"
    role = "warning" if one.result == "pass" and one.why else _ROLES.get(one.result, "dim")
    return Line(label, f"{text}: {one.why}" if one.why else text, role)


def _chain(chain: Chain | None) -> Iterator[Line]:
    if chain is None:
        return
    if chain.result == "none":
        yield Line("ARC", "○ no chain: nobody sealed it on its way", "dim")
        return
    glyph = _GLYPHS.get(chain.result, "○")
    text = f"{glyph} {chain.result}" + (f": {chain.why}" if chain.why else "")
    yield Line("ARC", text, _ROLES.get(chain.result, "warning"))
    for seal in chain.seals:
        holds = "seal holds" if seal.well else "seal does not hold"
        before = f"; the chain before: {seal.chain}" if seal.chain not in ("", "none") else ""
        yield Line("", f"{seal.instance}  {seal.domain} (selector {seal.selector}): {holds}{before}", "dim")


def _claims(claims: tuple[Claim, ...]) -> Iterator[Line]:
    if not claims:
        yield Line("claims", "no Authentication-Results in its header", "dim")
        return
    yield Line("claims", "as its header says, which anybody may have written:", "dim")
    for claim in claims:
        arc = f" (ARC set {claim.instance})" if claim.instance else ""
        yield Line("", f"claimed by {claim.by or 'nobody that is named'}{arc}")
        for one in claim.results:
            yield Line(one.method.rjust(8), _claimed(one), "" if one.result == "pass" else "warning")
        if not claim.results:
            yield Line("", "that nothing was checked", "dim")


def _claimed(one: Claimed) -> str:
    details = " ".join(f"{name}={value}" for name, value in one.details)
    return f"{one.result}  {details}".rstrip() + (f" ({one.comment})" if one.comment else "")


def document(verdicts: Verdicts) -> dict[str, Any]:
    """The same for machines (a contract)."""
    virus, spam, chain = verdicts.virus, verdicts.spam, verdicts.chain or Chain()
    done = spam.state is State.DONE
    return {
        "virus": {
            "state": virus.state,
            "found": list(virus.found),
            "scanner": virus.scanner,
            "text": _told(virus),
        },
        "spam": {
            "state": spam.state,
            "points": spam.points if done else None,
            "required": spam.required if done else None,
            "rules": [
                {"name": rule.name, "points": rule.points, "description": rule.description}
                for rule in spam.rules
            ],
            "scorer": spam.scorer,
            "text": _told(spam),
            "notes": list(spam.notes),
        },
        "dkim": [
            {
                "domain": one.domain,
                "selector": one.selector,
                "result": one.result,
                "why": one.why,
                "key": one.key,
            }
            for one in verdicts.signatures
        ],
        "arc": {
            "result": chain.result,
            "why": chain.why or verdicts.signatures_words,
            "seals": [
                {
                    "instance": seal.instance,
                    "domain": seal.domain,
                    "selector": seal.selector,
                    "chain": seal.chain,
                    "well": seal.well,
                }
                for seal in chain.seals
            ],
        },
        "authentication_results": [
            {
                "claimed_by": claim.by,
                "instance": claim.instance or None,
                "results": [
                    {
                        "method": one.method,
                        "result": one.result,
                        "details": [list(pair) for pair in one.details],
                        "comment": one.comment,
                    }
                    for one in claim.results
                ],
            }
            for claim in verdicts.claims
        ],
    }


def _told(one: Virus | Spam) -> str:
    return clean(" ".join(filter(None, (one.words, one.advice))))


def doing(verdicts: Verdicts) -> str:
    """What is being waited for, in one line; "" once all is there."""
    if verdicts.complete:
        return ""
    waiting = [one.words or who for who, one in (("clamd", verdicts.virus), ("SpamAssassin", verdicts.spam))
               if one.state is State.WAITING]  # fmt: skip
    if verdicts.chain is None:
        waiting.append("keys are asked for")
    return " · ".join(waiting)
