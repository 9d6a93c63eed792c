"""The demo's mail log: what Postfix's daemons would have written of its messages. Standard library only."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable, Iterator

from mtatui.backends.demo.letter import Waiting
from mtatui.backends.demo.spool import Spool, log_line
from mtatui.backends.demo.texts import DOMAINS, OUR_DOMAINS, address_of, dice, person
from mtatui.backends.demo.writer import MYHOSTNAME, Draft

#: DSN status, what became of it, and the words.
Said = tuple[str, str, str]
#: What the checks on trial have counted so far: greetings without a domain, clients on a block list.
TRIED_GREETINGS, TRIED_CLIENTS = 37, 212
_SENT: Said = ("2.0.0", "sent", "250 2.0.0 Ok: queued")
_RELAY = re.compile(r"host (\S+)\[([^]]*)\]")


class Log:
    """Writes about messages as things happen to them."""

    def __init__(self, spool: Spool) -> None:
        self._say = spool.say

    def arrived(self, id: str, draft: Draft) -> None:
        """smtpd(8) or pickup(8) has taken it in, cleanup(8) has seen it."""
        for program, text in _arrival(id, draft):
            self._say(program, text)

    def picked_up(self, id: str, old_id: str, draft: Draft) -> None:
        """pickup(8) has taken it out of maildrop, perhaps after `postsuper -r`."""
        self._say("pickup", f"{id}: uid=1000 from=<{draft.sender}> orig_id={old_id}")
        self._say("cleanup", _message_id(id, draft))

    def active(self, id: str, draft: Draft) -> None:
        """qmgr(8) has taken it up."""
        self._say("qmgr", _queued(id, draft))

    def sent(self, id: str, to: Waiting, draft: Draft, now: float) -> None:
        """A recipient has been served."""
        self._say("smtp", _delivery(id, to, draft, now, _SENT))

    def deferred(self, id: str, to: Waiting, draft: Draft, now: float) -> None:
        """A recipient has been put off."""
        self._say("smtp", _delivery(id, to, draft, now, (to.status, "deferred", to.reason)))

    def bounced(self, id: str, to: Waiting, draft: Draft, now: float) -> None:
        """A recipient has been given up."""
        status = "5" + (to.status or "4.0.0")[1:]
        self._say("error", _delivery(id, to, draft, now, (status, "bounced", to.reason or "message expired")))

    def returned(self, id: str, notice: str) -> None:
        """The sender is told."""
        self._say("bounce", f"{id}: sender non-delivery notification: {notice}")

    def removed(self, id: str) -> None:
        """It is done with."""
        self._say("qmgr", f"{id}: removed")


def history(spool: Spool, messages: Iterable[tuple[str, Draft]]) -> None:
    """Write how each message of a queue has come into it, and the first attempt to deliver it; and before
    that, what the checks on trial (`mtatui.backends.demo.etc`) would have turned away."""
    now = time.time()
    lines = [(at, log_line(at, "smtpd", text)) for at, text in _warned(dice(5), now)]
    for id, draft in messages:
        if draft.state in ("maildrop", "corrupt"):
            continue
        at = draft.arrival
        lines += [(at, log_line(at, *line)) for line in _arrival(id, draft)]
        if draft.state == "incoming":
            continue
        lines.append((at + 0.1, log_line(at + 0.1, "qmgr", _queued(id, draft))))
        if draft.state == "active":
            continue
        then = at + 1.5
        for to in draft.recipients:
            if to.done or to.reason:
                waiting = Waiting(0, to.address, b"", to.reason, to.status)
                said = _SENT if to.done else (to.status, "deferred", to.reason)
                lines.append((then, log_line(then, "smtp", _delivery(id, waiting, draft, then, said))))
    lines.sort(key=lambda line: line[0])
    with open(spool.maillog, "ab") as log:
        log.writelines(line for _, line in lines)


def _warned(rng: random.Random, now: float) -> Iterator[tuple[float, str]]:
    """Two weeks of clients that got through, and would not have (``warn_if_reject``)."""
    for number in range(TRIED_GREETINGS + TRIED_CLIENTS):
        domain = rng.choice(DOMAINS)
        address, helo = address_of(domain), f"mail.{domain}"
        if number < TRIED_GREETINGS:
            helo = f"SERVER{rng.randrange(1, 20)}"
            why = f"504 5.5.2 <{helo}>: Helo command rejected: need fully-qualified hostname"
        else:
            why = (
                f"554 5.7.1 Service unavailable; Client host [{address}] blocked using bl.spamcop.net; "
                f"Blocked - see https://www.spamcop.net/bl.shtml?{address}"
            )
        sender, to = f"{person(rng)}@{domain}", f"{person(rng)}@{rng.choice(OUR_DOMAINS)}"
        who = f"from=<{sender}> to=<{to}> proto=ESMTP helo=<{helo}>"
        yield (
            now - rng.uniform(600, 14 * 86400),
            f"NOQUEUE: reject_warning: RCPT from mail.{domain}[{address}]: {why}; {who}",
        )


def _arrival(id: str, draft: Draft) -> Iterator[tuple[str, str]]:
    if draft.client_ip:
        login = f", sasl_method=PLAIN, sasl_username={draft.sasl_user}" if draft.sasl_user else ""
        yield "smtpd", f"{id}: client={draft.client_name}[{draft.client_ip}]{login}"
    elif draft.sender:
        yield "pickup", f"{id}: uid=1000 from=<{draft.sender}>"
    yield "cleanup", _message_id(id, draft)


def _message_id(id: str, draft: Draft) -> str:
    return f"{id}: message-id=<{int(draft.arrival)}.{id}@{MYHOSTNAME}>"


def _queued(id: str, draft: Draft) -> str:
    size = len(draft.headers) + len(draft.body) + 400
    return f"{id}: from=<{draft.sender}>, size={size}, nrcpt={len(draft.recipients)} (queue active)"


def _delivery(id: str, to: Waiting, draft: Draft, now: float, said: Said) -> str:
    status, what, text = said
    domain = to.address.rpartition("@")[2]
    host = _RELAY.match(text)
    if what == "sent":
        relay = f"mx1.{domain}[{address_of(domain)}]:25"
    else:
        relay = f"{host[1]}[{host[2]}]:25" if host else "none"
    delay = max(0.0, now - draft.arrival)
    seconds = f"{delay:.0f}" if delay >= 100 else f"{delay:.2g}"
    return (
        f"{id}: to=<{to.address}>, relay={relay}, delay={seconds}, delays={seconds}/0.01/0.4/0.1, "
        f"dsn={status or '4.0.0'}, status={what} ({text})"
    )
