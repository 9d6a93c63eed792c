"""Asks the DNS for TXT records, through the server's own resolver: what it hears is what its mail depends on.

The messages are made and read here, by dnspython; a small program on the server carries them
(`mtatui.backends.resolving.asking`). Nothing else is asked of the network, and nothing is remembered.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtatui.backends.host import Host, HostError
from mtatui.text import clean

if TYPE_CHECKING:
    import dns.message

PROGRAM = Path(__file__).with_name("asking.py")
#: Seconds until what has not answered counts as silent.
PATIENCE = 10.0
#: Questions that are asked side by side.
TOGETHER = 50
#: Bytes of an answer by UDP that pass everywhere (DNS Flag Day 2020).
_PAYLOAD = 1232


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why it is not known what the DNS says of a name."""

    text: str
    """In words, fit for a terminal: ``192.0.2.53 does not answer``."""

    def __str__(self) -> str:
        return self.text


#: The TXT records of a name, each with its strings joined (RFC 6376, 3.6.2.2); () where it has none, or does
#: not exist.
Texts = tuple[str, ...]


async def txt(
    host: Host,
    names: Iterable[str],
    *,
    patience: float = PATIENCE,
    servers: Sequence[tuple[str, int]] = (),
) -> dict[str, Texts | Trouble]:
    """Ask for the TXT records of names, side by side. It never takes longer than the patience, by much.

    Args:
        names: as they stand in configurations and signatures; each is a key of the answer as it was given.
        patience: seconds for all.
        servers: addresses and ports of the name servers to ask; () for those of the server's resolv.conf(5).

    Returns:
        For each name its records as they came (from strangers: clean before showing), or why nobody knows.
    """
    answers: dict[str, Texts | Trouble] = {}
    queries = {}
    for name in dict.fromkeys(names):
        try:
            queries[name] = _query(name)
        except ValueError as error:
            answers[name] = Trouble(str(error))
    wanted, until = list(queries), time.monotonic() + patience
    for first in range(0, len(wanted), TOGETHER):
        some = {name: queries[name] for name in wanted[first : first + TOGETHER]}
        left = until - time.monotonic()
        if left > 0:
            answers |= await _ask(host, some, left, servers)
        else:
            answers |= dict.fromkeys(some, Trouble("it was not asked: others took all the time"))
    return answers


def _query(name: str) -> dns.message.QueryMessage:
    """The question for a name.

    Raises:
        ValueError: it cannot be asked for, in words.
    """
    import dns.exception
    import dns.message

    try:
        absolute = name.rstrip(".") + "."
        return dns.message.make_query(absolute, "TXT", use_edns=0, payload=_PAYLOAD)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{clean(name)} is no name that the DNS could know: {clean(str(error))}") from None


async def _ask(
    host: Host,
    queries: Mapping[str, dns.message.QueryMessage],
    patience: float,
    servers: Sequence[tuple[str, int]],
) -> dict[str, Texts | Trouble]:
    request = {
        "queries": [base64.b64encode(query.to_wire()).decode("ascii") for query in queries.values()],
        "patience": patience,
        "servers": list(servers),
    }
    try:
        completed = await host.run(
            ["env", sys.executable, "-I", "-S", str(PROGRAM)],  # as the user, not through sudo
            input=json.dumps(request).encode("ascii"),
            timeout=patience + 5,
            note=f"asks the DNS for {', '.join(list(queries)[:3])}{' …' if len(queries) > 3 else ''}",
        )
    except HostError as error:
        return dict.fromkeys(queries, Trouble(clean(str(error))))
    try:
        answers = json.loads(completed.stdout)["answers"]
    except (ValueError, LookupError, TypeError):
        said = completed.errors.rpartition("\n")[2] or "nothing came back"
        return dict.fromkeys(queries, Trouble(f"the resolver of {host.name} could not be asked: {said}"))
    return {
        name: _read(query, answer) for (name, query), answer in zip(queries.items(), answers, strict=True)
    }


def _read(query: dns.message.QueryMessage, answer: Mapping[str, Any]) -> Texts | Trouble:
    """What an answer says."""
    import dns.exception
    import dns.message
    import dns.rcode
    import dns.rdatatype

    if "trouble" in answer:
        return Trouble(clean(str(answer["trouble"])))
    server = clean(str(answer["server"]))
    try:
        message = dns.message.from_wire(base64.b64decode(answer["wire"]), ignore_trailing=True)
        rcode = message.rcode()
        if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            return Trouble(f"{server} {_REFUSALS.get(rcode, f'answers {dns.rcode.to_text(rcode)}')}")
        if not query.is_response(message) or not isinstance(message, dns.message.QueryMessage):
            return Trouble(f"{server} answers something else than it was asked")
        found = message.resolve_chaining().answer
    except (dns.exception.DNSException, ValueError) as error:
        return Trouble(f"{server} sends an answer that cannot be read: {clean(str(error)) or 'it is broken'}")
    if found is None or found.rdtype != dns.rdatatype.TXT:
        return ()
    return tuple(b"".join(record.strings).decode("utf-8", "replace") for record in found)


_REFUSALS = {
    2: "cannot find out (SERVFAIL): the domain's own name servers do not answer, or its DNSSEC is broken",
    4: "does not know how (NOTIMP)",
    5: "refuses to answer this server (REFUSED)",
}
