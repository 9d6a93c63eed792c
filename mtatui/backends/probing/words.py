"""What a probe says: before it is sent, what it will do; afterwards, what is left of it on the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mtatui.backends.probing.letters import LABELS, Kind, Letter
from mtatui.backends.probing.promises import value
from mtatui.settings.current import Reading
from mtatui.settings.plan import Probe
from mtatui.text import clean

#: Seconds that messages have from being sent to their end: the clean one, then the others together.
PATIENCE = 60.0


def called(listener: Probe) -> str:
    """A listener in words."""
    host = f"[{listener.address}]" if ":" in listener.address else listener.address
    return f"{host}:{listener.port} ({listener.name})"


def says(
    recipient: str,
    listener: Probe,
    thrown_away: bool,
    copies: tuple[str, ...],
    made: tuple[Letter, ...],
    reading: Reading,
) -> tuple[str, ...]:
    """What a probe will do, in sentences."""
    ready = [letter for letter in made if letter.data]
    said = [
        f"{len(ready)} messages go through {called(listener)} to {recipient}, one after the other: "
        + ", ".join(
            LABELS[letter.kind].lower() + (f" ({letter.about})" if letter.about else "") for letter in ready
        )
        + ".",
        "Postfix takes what is for that address whatever its restrictions say, and throws it away once the "
        "filters have seen it. The clean message goes first: if it is not thrown away, nothing else is sent."
        if thrown_away
        else f"What the filters let through arrives in the mailbox of {recipient}.",
    ]
    said += [f"No {LABELS[one.kind].lower()}: {clean(one.why_not)}." for one in made if not one.data]
    said += [f"Mind: {clean(one.doubt)}" for one in made if one.data and one.doubt]
    if copies:
        said.append(f"{clean(', '.join(copies))} gets copies, as always_bcc or recipient_bcc_maps say.")
    notified = [
        what
        for what, key in (
            ("the virus", "filtering.warn_virus_admin"),
            ("the blocked attachment", "inbound.blocked_extensions_notify_admin"),
        )
        if value(reading, key) is True
    ]
    if notified:
        admin = value(reading, "filtering.admin_address") or "the administrator"
        said.append(f"{clean(str(admin))} gets a notice of {' and of '.join(notified)}, as the settings say.")
    said.append(
        f"Each is followed in the mail log for up to {PATIENCE:.0f} seconds; what is then still in the queue "
        "is removed from it. Copies in amavis's quarantine stay, and are told."
    )
    return tuple(said)


def left(report: Mapping[str, Any], recipient: str, thrown_away: bool, quarantine: str) -> list[str]:
    """What is left on the server, in sentences."""
    found = []
    for kind, letter in report["letters"].items():
        facts = letter["facts"]
        amavis = facts["judged"]
        if amavis is not None and amavis["quarantine"]:
            place = clean("/".join(filter(None, [quarantine.rstrip("/"), amavis["quarantine"]])))
            found.append(f"{LABELS[Kind(kind)]}: in amavis's quarantine as {place}.")
        for notice in facts["notices"]:
            for one in notice["deliveries"]:
                if "postmaster notification discarded" in one["text"]:
                    continue
                where = "delivered" if one["status"] == "sent" else one["status"]
                found.append(
                    f"{LABELS[Kind(kind)]}: a notice to {clean(one['to'])}, {where} ({notice['queue_id']})."
                )
    for swept in report["swept"]:
        what = "was removed from the queue" if swept["gone"] else "is still in the queue: look at it"
        found.append(f"{LABELS[Kind(swept['letter'])]}: {swept['queue_id']} {what}.")
    if not report["logs"]:
        found.append("There is no mail log that can be read, so nothing was seen of what became of them.")
    if not thrown_away:
        arrived = [r for r in report["letters"].values() if r["facts"]["ends"] and r["reply"]["code"] == 250]
        if arrived:
            found.append(f"What arrived lies in the mailbox of {recipient}.")
    return found
