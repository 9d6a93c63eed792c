"""What each section of the message screen says: a message, its content and its log as paragraphs to read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from mtatui.queue.content import Part, body_text, headers, important, raw_text, structure
from mtatui.queue.log import Kind, timeline, words
from mtatui.queue.message import Message, Recipient, State, no_sender, split
from mtatui.text import ago, clean, count, size
from mtatui.widgets.detail import moment
from mtatui.widgets.lines import Piece
from mtatui.widgets.states import LOOKS
from mtatui.widgets.text_view import Paragraph

Text = Sequence[Paragraph | str]

_ROLES = {
    Kind.DEFERRED: "warning",
    Kind.HELD: "warning",
    Kind.BOUNCED: "danger",
    Kind.EXPIRED: "danger",
    Kind.RETURNED: "danger",
    Kind.PROBLEM: "danger",
    Kind.SENT: "strong",
    Kind.NOTE: "dim",
}

_EMPTY = "There is no content, or none that can be read in its file."


def heading(message: Message, expires: int, now: float, *, gone: bool) -> list[list[Piece]]:
    """Who the message is and where it stands, in two lines; of the recipients one still waiting is named."""
    look = LOOKS[message.state]
    server, id = split(message.id)
    first: list[Piece] = [(id, "strong"), (f"  on {clean(server)}  " if server else "  ", "")]
    if gone:
        first.append(("not in the queue any more: delivered, returned or deleted meanwhile", "warning"))
    else:
        first.append((f"{look.glyph} {look.word}", look.role))
        if message.arrival:
            first.append(
                (f" · arrived {moment(message.arrival, now)} ({ago(now - message.arrival)} ago)", "")
            )
        if message.retry:
            first.append((f" · next try {until(message.retry, now)}", ""))
        if expires and message.state is not State.TRASH:
            first.append((f" · returns to sender {moment(expires, now)}", "dim"))
    more = len(message.recipients) - 1
    one = next((r for r in message.recipients if not r.done), *message.recipients[:1] or (None,))
    to = (
        clean(one.address)
        if one
        else "nobody that can be read"
        if message.state is State.CORRUPT
        else "nobody"
    )
    second: list[Piece] = [
        ("from ", "dim"),
        (sender(message), ""),
        ("  to ", "dim"),
        (to, ""),
        (f" +{count(more)}" if more > 0 else "", "dim"),
        (f"  {size(message.size)}", "dim"),
    ]
    return [first, second]


def envelope(message: Message, expires: int, now: float) -> list[Paragraph]:
    """The envelope: origin, times, and every recipient with its own reason, those still waiting first."""
    look = LOOKS[message.state]
    origin = f"{message.client_name or 'unknown'} [{message.client_ip}]" if message.client_ip else ""
    waiting = [r for r in message.recipients if not r.done]
    served = [r for r in message.recipients if r.done]
    lines = [
        Paragraph(split(message.id)[1], "strong", "queue ID"),
        Paragraph(clean(split(message.id)[0]), "", "server"),
        Paragraph(f"{look.glyph} {look.word}", look.role, "state"),
        Paragraph(sender(message), "", "sender"),
        Paragraph(clean(message.sasl_user), "", "login"),
        Paragraph(clean(origin), "", "origin"),
        Paragraph(clean(message.helo), "", "HELO"),
        Paragraph(clean(message.content_filter), "", "filter"),
        Paragraph(f"{size(message.size)} ({count(message.size)} bytes)", "", "size"),
        Paragraph(when(message.arrival, now), "", "arrived"),
        Paragraph(when(message.retry, now), "", "next try"),
        Paragraph(when(expires, now) if message.state is not State.TRASH else "", "", "returns"),
        Paragraph(_how_many(len(waiting), len(served)), "", "recipients"),
    ]
    lines = [line for line in lines if line.text]
    for recipient in (*waiting, *served):
        lines += _recipient(recipient)
    return lines


def _how_many(waiting: int, served: int) -> str:
    return f"{count(waiting)} waiting, {count(served)} served" if served else count(waiting)


def _recipient(recipient: Recipient) -> Iterable[Paragraph]:
    original = f"  (was {clean(recipient.original)})" if recipient.original else ""
    done = "  served" if recipient.done else ""
    yield Paragraph("")
    yield Paragraph(clean(recipient.address) + original + done, "dim" if recipient.done else "", "to")
    if recipient.reason or recipient.status:
        reason = " ".join(filter(None, (clean(recipient.status), clean(recipient.reason))))
        yield Paragraph(reason, "dim" if recipient.done else "warning", "reason")


def facts(id: str, message: Message | None) -> list[tuple[str, str]]:
    """What of a message one may want to copy, by name; "" for what it has not."""
    if message is None:
        return [("ID", id)]
    reasons = dict.fromkeys(r.reason for r in message.recipients if r.reason)
    return [
        ("ID", id),
        ("sender", message.sender),
        ("recipients", ", ".join(r.address for r in message.recipients)),
        ("reason", "\n".join(reasons)),
        ("origin", message.client_ip),
    ]


def header_text(raw: bytes) -> Text:
    """The headers decoded: those a person looks for first, then all of them as they stand."""
    fields = headers(raw)
    if not fields:
        return ["No headers: the message begins with its body, or nothing can be read in its file."]
    first = [Paragraph(field.value, "", field.name) for field in important(fields)]
    every = [Paragraph(field.value, "" if field.name else "warning", field.name) for field in fields]
    return [*first, Paragraph(""), Paragraph("all headers, as they stand", "dim"), Paragraph(""), *every]


def attachment_text(raw: bytes, more: bool) -> Text:
    """The tree of parts: what is attached, how large, under which name."""
    return [_part(part) for part in structure(raw, more=more)]


def _part(part: Part) -> Paragraph:
    extent = f"{size(part.size)}{' or more (cut here)' if part.cut else ''}"
    facts = [extent, part.disposition, part.charset]
    indent = "  " * part.depth + ("└ " if part.depth else "")
    name = f"  {part.filename}" if part.filename else ""
    text = f"{indent}{part.content_type}{name}   {' · '.join(filter(None, facts))}"
    return Paragraph(text, "strong" if part.filename else "")


def body(raw: bytes) -> Text:
    """The body to read."""
    return body_text(raw).split("\n") if raw else [_EMPTY]


def everything(raw: bytes) -> Text:
    """Every byte, line by line."""
    if not raw:
        return [_EMPTY]
    return raw_text(raw).removesuffix("\n").split("\n")


def records(text: str) -> Text:
    """The envelope records as postcat(1) prints them."""
    if not text:
        return ["postcat finds no records in it: this is not a queue file, or not any more."]
    return clean(text, lines=True).removesuffix("\n").split("\n")


def log_text(lines: Sequence[str], id: str) -> Text:
    """The story of the message, a line an event, days and other queue IDs named where they change."""
    events = timeline(lines, id)
    if not events:
        return [
            f"The mail log says nothing about {id}.",
            Paragraph("It may have been rotated away: compressed logs are not searched.", "dim"),
        ]
    text: list[Paragraph] = []
    day, known_as = "", id
    for event in events:
        local = time.localtime(event.at)
        today = time.strftime("%a %d %b %Y", local) if event.at else "at an unknown time"
        if (today, event.id) != (day, known_as) or not text:
            text += [Paragraph("")] if text else []
            text.append(Paragraph(today + ("" if event.id == id else f"   as {event.id}"), "dim"))
            day, known_as = today, event.id
        clock = time.strftime("%H:%M:%S", local) if event.at else ""
        program = event.program.removeprefix("postfix/")
        text.append(Paragraph(f"{words(event)}  [{program}]", _ROLES.get(event.kind, ""), clock))
    return text


def sender(message: Message) -> str:
    """The envelope sender; that of a file in which nothing could be read is not known."""
    if message.sender:
        return clean(message.sender)
    unread = "none that can be read in this file"
    return "<> (a notification, the null sender)" if no_sender(message.state, message.arrival) else unread


def when(at: int, now: float) -> str:
    """A moment in full, and how far away it is; "" for one that is not known."""
    if not at:
        return ""
    away = f"{ago(now - at)} ago" if now - at >= 60 else until(at, now)
    return f"{time.strftime('%a %d %b %Y %H:%M:%S', time.localtime(at))} ({away})"


def until(at: float, now: float) -> str:
    """How long until a moment: "in 18m", "now" when it is past."""
    return f"in {ago(at - now)}" if at - now >= 60 else "now"
