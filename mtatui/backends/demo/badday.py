"""The queue of a bad day: the two thousand messages that the demo server starts with.

A shop's mail server, in the afternoon: a provider is dead, the largest ones slow us down or block us because
an account was hacked in the night and sends pills, a newsletter hangs half delivered, mailboxes are full, a
university greylists. Among them what strangers send to hurt programs that show queues. Always the same for
the same moment. Standard library only.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Iterator

from mtatui.backends.demo import texts
from mtatui.backends.demo.texts import BIG_DOMAIN, BY_NAME
from mtatui.backends.demo.writer import MYHOSTNAME, Draft, To

MESSAGES = 2000
HOUR, DAY = 3600.0, 86400.0

DEAD_DOMAIN = "kaput.example"
GREY_DOMAIN = "uni-nord.example"
HACKED_LOGIN = "m.huber@example.test"
HACKED_FROM = "203.0.113.66"

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj\n"
    * 20
)
ZIP = b"PK\x05\x06" + bytes(18)


def messages(now: float, seed: int = 7) -> list[Draft]:
    """All messages of the day, as they lie in the queue at that moment (epoch seconds)."""
    rng = texts.dice(seed)
    day = [draft for scene in _SCENES for draft in scene(rng, now)]
    day += [_anything(rng, now) for _ in range(MESSAGES - len(day))]
    return day


def fresh(rng: random.Random, now: float) -> Draft:
    """A message that comes in just now."""
    draft = _order(rng, now, 0.0) if rng.random() < 0.6 else _private(rng, now, 0.0)
    domain = rng.choice(texts.DOMAINS) if rng.random() < 0.8 else rng.choice((GREY_DOMAIN, DEAD_DOMAIN))
    draft.recipients = [To(f"{texts.person(rng)}@{domain}")]
    draft.state, draft.retry = "incoming", 0.0
    return draft


def notice(to: str, now: float, reasons: str) -> Draft:
    """What bounce(8) writes to the sender of a message that could not be delivered."""
    return Draft(
        [To(to)],
        arrival=now,
        encoding="8bit",
        headers=(
            f"From: Mail Delivery System <MAILER-DAEMON@{MYHOSTNAME}>\n"
            f"Subject: Undelivered Mail Returned to Sender\nTo: {to}\nAuto-Submitted: auto-replied\n"
        ).encode("utf-8", "surrogateescape"),
        body=(
            f"This is the mail system at host {MYHOSTNAME}.\n\nI'm sorry to have to inform you that your "
            f"message could not\nbe delivered to one or more recipients. It's attached below.\n\n{reasons}\n"
        ).encode("utf-8", "surrogateescape"),
    )


def retry_time(rng: random.Random, now: float, arrival: float) -> float:
    """When a deferred message is tried next: after as long again as it has waited, as qmgr(8) does it."""
    return now + rng.uniform(1, min(4000.0, max(300.0, now - arrival)))


# --- what happened -----------------------------------------------------------------------------------------


def _dead(rng: random.Random, now: float) -> Iterator[Draft]:
    """A provider whose servers have not answered since yesterday; many customers have their mail there."""
    for number in range(560):
        draft = _order(rng, now, rng.uniform(2 * HOUR, 26 * HOUR))
        name = "suspended" if number % 5 == 0 else "refused" if number % 11 == 0 else "timeout"
        yield _deferred(rng, now, draft, [f"{texts.person(rng)}@{DEAD_DOMAIN}"], name)


def _greylisted(rng: random.Random, now: float) -> Iterator[Draft]:
    """A university that lets everybody wait for five minutes."""
    for number in range(180):
        draft = _private(rng, now, rng.uniform(5, 290))
        domain = f"{('cs', 'bio', 'law')[number % 3]}.{GREY_DOMAIN}" if number % 2 else GREY_DOMAIN
        name = "greylisted-wait" if number % 4 == 0 else "greylisted"
        _deferred(rng, now, draft, [f"{texts.person(rng)}@{domain}"], name)
        draft.retry = draft.arrival + 300 + rng.uniform(0, 240)
        yield draft


def _full(rng: random.Random, now: float) -> Iterator[Draft]:
    """People who never empty their mailboxes."""
    owners = [f"{texts.person(rng)}@{rng.choice(texts.DOMAINS[:40])}" for _ in range(35)]
    for _ in range(140):
        owner = rng.choice(owners)
        name = "out-of-space" if owner.endswith(BIG_DOMAIN) else "mailbox-full"
        yield _deferred(rng, now, _newsletter(rng, now, rng.uniform(HOUR, 4.9 * DAY)), [owner], name)


def _blocked(rng: random.Random, now: float) -> Iterator[Draft]:
    """The large providers, who do not like us since the night."""
    by_domain = {
        BIG_DOMAIN: ("rate-limited", "rate-limited", "receiving-too-fast"),
        "yonder.example": ("complaints",),
        "skymail.example": ("reputation", "busy"),
    }
    for _ in range(400):
        domain = rng.choices(list(by_domain), (6, 2, 3))[0]
        draft = _order(rng, now, rng.uniform(60, 11 * HOUR))
        yield _deferred(rng, now, draft, [f"{texts.person(rng)}@{domain}"], rng.choice(by_domain[domain]))
    for _ in range(60):
        draft = _private(rng, now, rng.uniform(60, 11 * HOUR))
        to = f"{texts.person(rng)}@{rng.choice(texts.DOMAINS[3:60])}"
        yield _deferred(rng, now, draft, [to], rng.choice(("blocklisted", "blocklisted-greeting")))


def _hacked(rng: random.Random, now: float) -> Iterator[Draft]:
    """An account whose password was stolen: pills to everybody, from far away; some already on hold."""
    pills = ("CHEAP MEDS -80%", "Canadian Pharmacy", "No prescription needed", "She will thank you", "V1AGRA")
    for number in range(260):
        age = 3 * HOUR + number * 95 + rng.uniform(0, 60)
        words = f"{rng.choice(pills)} {rng.randrange(1000, 9999)}"
        addresses = [
            f"{texts.person(rng)}{rng.randrange(99)}@{rng.choice(texts.DOMAINS[:70])}"
            for _ in range(rng.randrange(8, 31))
        ]
        draft = Draft(
            [],
            f"{rng.choice(texts.GIVEN)}{rng.randrange(99)}@example.test",
            arrival=now - age,
            subject=words,
            headers=(
                f'From: "Dr. {rng.choice(texts.FAMILY).title()}" <doctor{number}@pills{number % 7}.example>\n'
                f"Subject: {words}\nMIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n"
            ).encode(),
            body=f'<a href="http://pills{number % 7}.example/?{number}"><b>{words}</b></a>\n'.encode() * 12,
            client_ip=HACKED_FROM,
            client_name="unknown",
            helo="[10.0.0.5]",
            sasl_user=HACKED_LOGIN,
        )
        if number % 5 < 3:
            draft.state = "hold"
            draft.recipients = [To(address) for address in addresses]
            yield draft
            continue
        name = rng.choice(("blocklisted", "rate-limited", "complaints"))
        _deferred(rng, now, draft, addresses, name)
        draft.recipients = [
            To(to.address, done=True) if rng.random() < 0.6 and at else to
            for at, to in enumerate(draft.recipients)
        ]
        yield draft


def _list(rng: random.Random, now: float) -> Iterator[Draft]:
    """A mailing list: most subscribers have got it, a few dozen each have not."""
    names = ("timeout", "mailbox-full", "greylisted", "dns", "rate-limited", "lost-greeting")
    subscribers = [f"{texts.person(rng)}@{rng.choice(texts.DOMAINS)}" for _ in range(140)]
    for number in range(24):
        readers = rng.sample(subscribers, rng.randrange(40, 121))
        draft = _newsletter(rng, now, rng.uniform(0.5 * HOUR, 4 * DAY))
        draft.sender = f"garden-bounces+{number}@lists.example.test"
        draft.subject = f"[garden] {'Re: ' * (number % 3)}tomatoes, part {number // 3 + 1}"
        draft.client_ip, draft.client_name, draft.helo = (
            "192.0.2.30",
            "lists.example.test",
            "lists.example.test",
        )
        draft.retry = retry_time(rng, now, draft.arrival)
        draft.recipients = []
        for at, reader in enumerate(readers):
            reason = BY_NAME[rng.choice(names)]
            served = at > 0 and rng.random() < 0.7
            text = "" if served else reason.fill(rng, reader, draft.sender)
            draft.recipients.append(To(reader, text, reason.status, served))
        yield draft


def _bounces(rng: random.Random, now: float) -> Iterator[Draft]:
    """Our own notices to senders who do not exist or do not want them."""
    for _ in range(40):
        to = f"{texts.person(rng)}@{rng.choice(texts.DOMAINS[20:])}"
        draft = notice(to, now - rng.uniform(HOUR, 4 * DAY), '<nobody@example.test>: unknown user: "nobody"')
        yield _deferred(rng, now, draft, [to], rng.choice(("dns", "refused", "sender-domain", "timeout")))


def _special(rng: random.Random, now: float) -> Iterator[Draft]:
    """What a program that shows mail should show well: attachments, encoded words, addresses beyond ASCII."""
    for number in range(24):
        draft = _private(rng, now, rng.uniform(60, 2 * DAY))
        draft.headers, draft.body = _with_attachments(draft, number)
        yield _deferred(rng, now, draft, [f"{texts.person(rng)}@{rng.choice(texts.DOMAINS)}"], "milter")
    encoded = (
        "=?utf-8?B?UsOpc2VydmF0aW9uIGNvbmZpcm3DqWU=?=",
        "=?iso-8859-1?Q?Gr=FC=DFe_aus_K=F6ln?=",
        "=?iso-2022-jp?B?GyRCQmc5JRsoQg==?=",
        "=?utf-8?Q?broken=ZZ_word",
    )
    for number in range(16):
        draft = _private(rng, now, rng.uniform(60, 2 * DAY))
        draft.subject = encoded[number % 4]
        yield _deferred(rng, now, draft, [f"{texts.person(rng)}@{rng.choice(texts.DOMAINS)}"], "unverified")
    for sender, to in (
        ("jörg.müller@example.test", "päivi@sähköposti.example"),
        ("δοκιμή@παράδειγμα.example", "info@例え.test"),
        ("用户@example.test", "пример@почта.example"),
    ):
        draft = _private(rng, now, rng.uniform(60, DAY))
        draft.sender, draft.encoding = sender, "8bit"
        yield _deferred(rng, now, draft, [to], "lookup")


def _hostile(rng: random.Random, now: float) -> Iterator[Draft]:
    """What strangers send to hurt whoever looks at a queue."""
    clear, red, title = "\x1b[2J\x1b[H", "\x1b[31;5m", "\x1b]0;pwned\x07"
    wild = (
        ("subject", f"{clear}{red}all your queue"),
        ("subject", f"{title}\x9b31m\x90q#0\x9c sixel"),
        ("subject", "[bold]not bold[/bold] [/x] [@click=app.quit]quit[/] [red"),
        ("subject", "invoice_\u202efdp.exe \u2066hidden\u2069\u200b\u200d\ufeff"),
        ("subject", "NUL\0inside, caf\udce9 in latin-1, \udcff\udcfe"),
        ("subject", "line\u2028separator\u2029paragraph\x85next \u0007\u0008\u007f"),
        (
            "subject",
            "wide \U0001f468\u200d\U0001f469\u200d\U0001f467 \uff37\uff29\uff24\uff25 e\u0301\u0327\u0323",
        ),
        ("subject", "long " * 400),
        ("helo", f"{red}evil.example{title}"),
        ("helo", "[/][bold]helo.example"),
        ("client_name", "[@click=app.quit]host.example"),
        ("sasl_user", f"bob{clear}@example.test"),
        ("sender", f"{red}red@hostile.example"),
        ("sender", "[/x]@markup.example"),
        ("sender", "latin\udce9@hostile.example"),
        ("sender", f"{'a' * 3000}@long.example"),
    )
    for name, value in wild:
        draft = _private(rng, now, rng.uniform(60, 3 * DAY))
        setattr(draft, name, value)
        yield _deferred(rng, now, draft, [f"{texts.person(rng)}@hostile.example"], "policy")
    for address in (
        f"esc{clear}ape@hostile.example",
        "a b [bold] <c>@hostile.example",
        "\u202egro@hostile.example",
    ):
        draft = _private(rng, now, rng.uniform(60, 3 * DAY))
        yield _deferred(rng, now, draft, [address, "postmaster@hostile.example"], "lookup")
    for reply in (
        f"450 4.7.1 {red}You have been hacked{title}{clear}",
        "450 4.7.1 [/x] [bold]markup[/bold] [link=file:///etc/passwd]here",
        "450 4.7.1 \u202eesrever\u202c \u2028 next line \u009b31m caf\udce9",
        "450 4.7.1 " + "blah " * 390,
    ):
        draft = _private(rng, now, rng.uniform(60, 3 * DAY))
        said = f"host mx.hostile.example[198.51.100.99] said: {reply} (in reply to RCPT TO command)"
        draft.recipients = [To("info@hostile.example", said, "4.7.1")]
        draft.retry = retry_time(rng, now, draft.arrival)
        yield draft


def _elsewhere(rng: random.Random, now: float) -> Iterator[Draft]:
    """What is not deferred: a corrupt file, some on their way, some on hold, one just dropped."""
    corrupt = _private(rng, now, 26 * HOUR)
    corrupt.state, corrupt.cut, corrupt.recipients = "corrupt", 700, [To("office@city4.test")]
    yield corrupt
    for number in range(10):
        draft = _order(rng, now, rng.uniform(1, 20))
        draft.state = "active" if number < 7 else "incoming"
        draft.recipients = [To(f"{texts.person(rng)}@{rng.choice(texts.DOMAINS)}")]
        yield draft
    for _ in range(14):
        draft = _private(rng, now, rng.uniform(HOUR, 3 * DAY))
        draft.state = "hold"
        draft.recipients = [To(f"{texts.person(rng)}@{rng.choice(texts.DOMAINS)}")]
        yield draft
    yield Draft(
        [To("root@example.test")], "root@example.test", "maildrop", now - 2, subject="Cron <root@mx1> backup",
        body=b"backup: 3 of 412 files changed while they were read\n", full_name="Cron Daemon",
    )  # fmt: skip


_SCENES: tuple[Callable[[random.Random, float], Iterator[Draft]], ...] = (
    _dead, _greylisted, _full, _blocked, _hacked, _list, _bounces, _special, _hostile, _elsewhere,
)  # fmt: skip


# --- what the messages are ---------------------------------------------------------------------------------


def _deferred(rng: random.Random, now: float, draft: Draft, addresses: list[str], reason: str) -> Draft:
    """The message, put off for that reason for all its recipients."""
    why = BY_NAME[reason]
    draft.recipients = [To(to, why.fill(rng, to, draft.sender), why.status) for to in addresses]
    draft.retry = retry_time(rng, now, draft.arrival)
    return draft


def _anything(rng: random.Random, now: float) -> Draft:
    """An ordinary message with an ordinary trouble."""
    draft = rng.choice((_order, _private, _newsletter))(
        rng, now, rng.expovariate(1 / (9 * HOUR)) % (5 * DAY) + 30
    )
    [reason] = rng.choices(texts.REASONS, texts.WEIGHTS)
    return _deferred(rng, now, draft, [f"{texts.person(rng)}@{rng.choice(texts.DOMAINS)}"], reason.name)


def _order(rng: random.Random, now: float, age: float) -> Draft:
    """The shop confirms an order."""
    number = rng.randrange(100_000, 999_999)
    host = "app2.shop.example.test"
    return Draft(
        [], "orders@shop.example.test", arrival=now - age, subject=f"Your order {number}",
        body=rng.choice(_bodies()), client_ip="192.0.2.40", client_name=host, helo=host,
    )  # fmt: skip


def _private(rng: random.Random, now: float, age: float) -> Draft:
    """Somebody of ours writes to somebody."""
    login = f"{texts.person(rng)}@example.test"
    client = rng.randrange(2, 250)
    return Draft(
        [], login, arrival=now - age, subject=texts.subject(rng), body=rng.choice(_bodies()),
        client_ip=f"198.51.100.{client}" if client % 6 else f"2001:db8:{client:x}::{client}",
        client_name=f"dsl-{client}.isp{client % 9 + 1}.test", helo=f"[192.168.1.{client}]", sasl_user=login,
    )  # fmt: skip


def _newsletter(rng: random.Random, now: float, age: float) -> Draft:
    """One copy of the newsletter."""
    draft = _order(rng, now, age)
    draft.sender = f"news+{rng.randrange(10**6)}@example.test"
    draft.subject = f"Weekly newsletter no. {412 - int(age // (7 * DAY))}"
    return draft


def _with_attachments(draft: Draft, number: int) -> tuple[bytes, bytes]:
    """Headers and body of a message with a text in two forms and a file or two."""
    name = ("offer.pdf", "=?utf-8?Q?Rechnung_f=C3=BCr_M=C3=A4rz.pdf?=", "holiday photos.zip", "run.pdf.exe")[
        number % 4
    ]
    kind, data = ("application/zip", ZIP) if name.endswith("zip") else ("application/pdf", PDF)
    headers = (
        f"From: {draft.sender}\nSubject: {draft.subject}\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/mixed; boundary="=_{number}"\n'
    )
    plain = draft.body.decode()
    body = (
        f'--=_{number}\nContent-Type: multipart/alternative; boundary="=_{number}a"\n\n'
        f"--=_{number}a\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n"
        f"--=_{number}a\nContent-Type: text/html; charset=utf-8\n\n<html><body><p>{plain}</p></body></html>\n"
        f"--=_{number}a--\n--=_{number}\nContent-Type: {kind}\nContent-Transfer-Encoding: base64\n"
        f'Content-Disposition: attachment; filename="{name}"\n\n{base64.encodebytes(data).decode()}'
        f"--=_{number}--\n"
    )
    return headers.encode(), body.encode()


def _bodies() -> list[bytes]:
    if not _BODIES:
        rng = texts.dice("bodies")
        _BODIES.extend(texts.body(rng, rng.randrange(400, 3500)) for _ in range(60))
    return _BODIES


_BODIES: list[bytes] = []
