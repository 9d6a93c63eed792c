"""What mail servers say, and who talks to whom: the words that the demo and the benchmarks are made of.

Replies are worded as Postfix, Exim, Exchange, postgrey, the large providers and their block lists word them.
Domains end in .test or .example (RFC 2606), addresses are from the documentation ranges (RFC 5737, RFC 3849).
Standard library only.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

OUR_IP = "192.0.2.25"


class Reason(NamedTuple):
    """Why a delivery was put off: a name for us, the DSN status, the text with holes, how often it is met."""

    name: str
    status: str
    text: str
    weight: int

    def fill(self, rng: random.Random, recipient: str, sender: str) -> str:
        """The text as one message meets it: its host, its address, its IDs."""
        domain = recipient.rpartition("@")[2] or "localhost"
        number = rng.randrange(1, 1 << 30)
        return self.text.format(
            mx=f"mx{number % 4 + 1}.{domain}",
            ip=address_of(domain, number % 4),
            to=recipient,
            sender=sender,
            domain=domain,
            us=OUR_IP,
            n=number % 58 + 2,
            tag=f"{number:08x}",
            TAG=f"{number * 2654435761 % (1 << 48):012X}",
        )


#: Name, DSN status, how often it is met; then the text. "said" and "refused" stand for Postfix's own words.
_TABLE = """
timeout 4.4.1 160
    connect to {mx}[{ip}]:25: Connection timed out
refused 4.4.1 60
    connect to {mx}[{ip}]:25: Connection refused
no-route 4.4.1 20
    connect to {mx}[{ip}]:25: No route to host
unreachable 4.4.1 15
    connect to {mx}[2001:db8:25::{n}]:25: Network is unreachable
dns 4.4.3 40
    Host or domain name not found. Name service error for name={domain} type=MX: Host not found, try again
dns-address 4.4.3 10
    Host or domain name not found. Name service error for name={mx} type=A: Host not found, try again
lost-greeting 4.4.2 20
    lost connection with {mx}[{ip}] while receiving the initial server greeting
lost-recipient 4.4.2 8
    lost connection with {mx}[{ip}] while sending RCPT TO
silent 4.4.2 15
    conversation with {mx}[{ip}] timed out while receiving the initial server greeting
stalled 4.4.2 8
    conversation with {mx}[{ip}] timed out while sending message body
suspended 4.4.1 45
    delivery temporarily suspended: connect to {mx}[{ip}]:25: Connection timed out
greylisted 4.2.0 70
    said 450 4.2.0 <{to}>: Recipient address rejected: Greylisted,
    see https://postgrey.example/help/{domain}.html @RCPT TO
greylisted-wait 4.7.1 30
    said 451 4.7.1 Greylisting in action, please come back in 00:04:{n:02} @RCPT TO
greylisted-later 4.7.1 12
    said 451 4.7.1 Try again later @end of DATA
local-problem 4.0.0 15
    said 451 Temporary local problem - please try later @RCPT TO
mailbox-full 4.2.2 50
    said 452 4.2.2 <{to}> Quota exceeded (mailbox for user is full) @end of DATA
out-of-space 4.2.2 40
    said 452-4.2.2 The recipient's inbox is out of storage space. Please direct the 452-4.2.2 recipient to
    452 4.2.2 https://support.bigmail.example/?p=OverQuotaTemp {tag} - bsmtp @RCPT TO
receiving-too-fast 4.2.1 10
    said 450-4.2.1 The user you are trying to contact is receiving mail at a rate that 450-4.2.1 prevents
    additional messages from being delivered. Please resend your 450-4.2.1 message at a later time. If the
    user is able to receive mail at that 450 4.2.1 time, your message will be delivered. {tag}.{n} - bsmtp
    @RCPT TO
rate-limited 4.7.28 45
    said 421-4.7.28 [{us}      19] Our system has detected an unusual rate of 421-4.7.28 unsolicited mail
    originating from your IP address. To protect our 421-4.7.28 users from spam, mail sent from your IP
    address has been temporarily 421-4.7.28 rate limited. Please visit 421 4.7.28
    https://support.bigmail.example/mail/?p=UnsolicitedRateLimitError {tag} - bsmtp @end of DATA
complaints 4.7.0 30
    refused 421 4.7.0 [TSS04] Messages from {us} temporarily deferred due to unexpected volume or user
    complaints - 4.16.55.1; see https://postmaster.yonder.example/error-codes
reputation 4.7.650 30
    refused 451 4.7.650 The mail server [{us}] has been temporarily rate limited due to IP reputation. For
    e-mail delivery information, see https://postmaster.skymail.example (S775)
    [{TAG}.eur05.prod.protection.skymail.example]
busy 4.7.500 12
    said 451 4.7.500 Server busy. Please try again later from [{us}]. (S77719)
    [{TAG}.eur04.prod.protection.skymail.example] @MAIL FROM
blocklisted 4.7.1 30
    said 454 4.7.1 Service unavailable; Client host [{us}] blocked using zen.dnsbl.example;
    https://check.dnsbl.example/query/ip/{us} @RCPT TO
blocklisted-greeting 4.7.1 15
    refused 554 5.7.1 Service unavailable; Client host [{us}] blocked using bl.spamtrap.example
too-many-connections 4.7.0 20
    refused 421 4.7.0 {mx} Error: too many connections from {us}
closing 4.3.2 15
    refused 421 4.3.2 Service not available, closing transmission channel
tls-missing 4.7.4 6
    TLS is required, but was not offered by host {mx}[{ip}]
tls-handshake 4.7.5 8
    Cannot start TLS: handshake failure
certificate 4.7.5 6
    Server certificate not trusted
login 4.7.8 5
    SASL authentication failed; server {mx}[{ip}] said: 535 5.7.8 Error: authentication failed: {tag}
queue-write 4.3.0 6
    said 451 4.3.0 Error: queue file write error @end of DATA
milter 4.7.1 15
    said 451 4.7.1 Service unavailable - try again later @end of DATA
storage 4.3.1 12
    said 452 4.3.1 Insufficient system storage @MAIL FROM
resources 4.3.1 8
    said 452 4.3.1 Insufficient system resources (UsedDiskSpace) @RCPT TO
sender-domain 4.1.8 12
    said 450 4.1.8 <{sender}>: Sender address rejected: Domain not found @RCPT TO
unverified 4.1.1 10
    said 450 4.1.1 <{to}>: Recipient address rejected: unverified address: Address verification in progress
    @RCPT TO
lookup 4.3.0 12
    said 451 4.3.0 <{to}>: Temporary lookup failure @RCPT TO
no-reverse-name 4.7.25 8
    said 450 4.7.25 Client host rejected: cannot find your hostname, [{us}] @RCPT TO
policy 4.7.1 6
    said 450 4.7.1 <{to}>: Recipient address rejected: Policy Rejection- Quota Exceeded. {tag} @RCPT TO
lmtp 4.4.1 10
    connect to mx1.example.test[private/dovecot-lmtp]: No such file or directory
transport 4.3.0 5
    mail transport unavailable
scanner 4.5.0 10
    host 127.0.0.1[127.0.0.1] said: 451 4.5.0 Error in processing, id={tag}-{n:02}, virus_scan FAILED:
    virus_scan: ALL VIRUS SCANNERS FAILED @end of DATA
"""


def _read(table: str) -> Iterator[Reason]:
    for entry in re.split(r"\n(?=\S)", table.strip()):
        head, _, text = entry.partition("\n")
        name, status, weight = head.split()
        text = " ".join(line.strip() for line in text.split("\n"))
        text = re.sub(r"^said ", "host {mx}[{ip}] said: ", text)
        text = re.sub(r"^refused ", "host {mx}[{ip}] refused to talk to me: ", text)
        text = re.sub(r" @(.*)$", r" (in reply to \1 command)", text)
        yield Reason(name, status, text, int(weight))


REASONS = tuple(_read(_TABLE))
BY_NAME = {reason.name: reason for reason in REASONS}
WEIGHTS = [reason.weight for reason in REASONS]

_GIVEN = """anna bruno carla david elena felix greta hugo irene jonas katja luca maria nils olga paul rosa
stefan tanja uwe vera walter yasmin zoe"""
_FAMILY = """bauer costa dupont eriksen fischer garcia huber ivanova jensen kowalski lehmann moreau novak
oliveira petrov rossi schmid tanaka urban vogel weber zimmer"""
GIVEN, FAMILY = _GIVEN.split(), _FAMILY.split()
OUR_DOMAINS = ("example.test", "shop.example.test", "lists.example.test")
BIG_DOMAIN = "bigmail.example"

_TRADES = ("shop", "isp", "uni", "hotel", "bank", "clinic", "studio", "city", "press", "farm")
_SMALL_DOMAINS = (
    f"{trade}{number}.{'test' if number % 3 else 'example'}" for number in range(1, 21) for trade in _TRADES
)
#: Two hundred domains that mail goes to, the three large ones first.
DOMAINS = (BIG_DOMAIN, "yonder.example", "skymail.example", *islice(_SMALL_DOMAINS, 197))

SUBJECTS = (
    "Your order {n} has been shipped", "Invoice {n}", "Re: meeting on Thursday", "Offer for {n} pieces",
    "Minutes of the board, part {n}", "Password reset for your account", "Reminder: invoice {n} is overdue",
    "Backup report: {n} files", "Fwd: holiday photos", "Weekly newsletter no. {n}", "Re: Re: contract",
    "Room {n} is booked", "Ticket #{n} has been updated", "Monthly statement {n}", "Delivery note {n}",
)  # fmt: skip
_SENTENCES = (
    "thank you for your order, which we have received and will ship within two working days.",
    "please find attached the documents we talked about on the phone.",
    "this is a reminder that the invoice below has not been paid yet.",
    "the meeting has been moved to Thursday at half past nine, same room as always.",
    "if you have any questions, just answer this message and we will get back to you.",
    "you receive this message because you have an account with us.",
    "the report covers the last thirty days and was made automatically.",
    "could you have a look at page four and tell me whether the figures are right?",
)


def dice(seed: int | str | None = None) -> random.Random:
    """Chance, the same for the same seed."""
    return random.Random(seed)  # noqa: S311  # a play, not a secret


def address_of(domain: str, host: int = 0) -> str:
    """An IP address for a mail exchanger of a domain, the same each time."""
    number = sum(byte * (at + 7) for at, byte in enumerate(domain.encode("utf-8", "surrogateescape"))) + host
    return f"{('198.51.100', '203.0.113')[number % 2]}.{number // 2 % 250 + 2}"


def person(rng: random.Random) -> str:
    """The local part of somebody's address."""
    return f"{rng.choice(GIVEN)}.{rng.choice(FAMILY)}"


def subject(rng: random.Random) -> str:
    """A subject as people and machines write them."""
    return rng.choice(SUBJECTS).format(n=rng.randrange(100, 99999))


def body(rng: random.Random, size: int) -> bytes:
    """A plain text of about that many bytes."""
    lines = ["Hello,", ""]
    length = 8
    while length < size:
        line = rng.choice(_SENTENCES)
        lines.append(line)
        length += len(line) + 1
        if rng.random() < 0.2:
            lines.append("")
            length += 1
    return "\n".join([*lines, "", "Kind regards", ""]).encode()
