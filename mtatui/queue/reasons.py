"""Why a message waits, in a few words: one cause for one trouble, whatever host, address or ID a reply
names.

Two sources speak: Postfix itself ("connect to …: Connection refused", see smtp(8), its defer logs and
sources), and the remote server it quotes ("host … said: 452 4.2.2 …"). Of a remote reply only the words
after "said:" count, without addresses in angle brackets, since those are names. The words are what
Postfix, Exim, Exchange, Gmail, Yahoo, QQ and the like really send; RFC 3463 status codes help where they
are sure.

A hundred thousand replies pass here in a first scan, nearly all different: so plain ``in`` tests, the
frequent first.
"""

from __future__ import annotations

from functools import lru_cache

from mtatui.queue.causes import (
    CONNECT,
    DNS,
    DOMAIN_NOT_FOUND,
    HOST_NOT_FOUND,
    LIKELY,
    LOCAL,
    OWN,
    REJECTED,
    REMOTE,
    REPLIES,
    SURE,
)

_SUSPENDED = "delivery temporarily suspended: "
_LABEL_LENGTH = 48
#: How many replies are remembered.
_REMEMBERED = 4096
_MARKS = ".,;:!?()[]{}\"'*"


def cause(text: str, status: str) -> str:
    """The cause that a reply names, "" for none.

    Args:
        text: what the defer log says, or ``postqueue`` gives as the reason.
        status: its RFC 3463 status ("4.2.2"), "" where there is none.

    Returns:
        A label of those above; of a text that fits none its words, without hosts, addresses, numbers and IDs.
    """
    if not text:
        return ""
    words = text.lower()
    sure = SURE.get(status)
    if sure is not None and " said: " in words and "connect to " not in words and not _may_be_grey(words):
        return sure  # as below, but for most replies that is all there is to look at
    if words.startswith(_SUSPENDED):
        words = words[len(_SUSPENDED) :]
    if words.startswith("connect to "):
        label = CONNECT.get(words.rpartition(": ")[2])
        if label is not None:
            return label
    _, said, reply = words.partition(" said: ")
    if not said:
        _, said, reply = words.partition(" refused to talk to me: ")
    return _of_reply(reply, status) if said else _of_postfix(words)


def _of_reply(reply: str, status: str) -> str:
    label = SURE.get(status)
    if label is not None and not _may_be_grey(reply):
        return label
    end = reply.rfind(" (in reply to ")
    if end >= 0:
        reply = reply[:end]
    opened = reply.find("<")
    while opened >= 0 and (closed := reply.find(">", opened)) >= 0:
        reply = reply[:opened] + reply[closed + 1 :]
        opened = reply.find("<", opened)
    return (
        _known(reply)
        or LIKELY.get(status)
        or _plain(reply)
        or (REJECTED if reply.startswith("5") else REMOTE)
    )


def _may_be_grey(words: str) -> bool:
    return "greylist" in words or "graylist" in words


@lru_cache(_REMEMBERED)
def _known(reply: str) -> str:
    """The label of the first words that are in a reply. Without its address, one is much like another."""
    return next((label for words, label in REPLIES if words in reply), "")


def _of_postfix(words: str) -> str:
    if "name service error" in words or words.startswith("host or domain name not found"):
        if "type=mx: host not found" in words or "type=mx: host found but no data" in words:
            sure = DOMAIN_NOT_FOUND
        else:
            sure = HOST_NOT_FOUND
        lasting = "host not found" in words and "try again" not in words
        return sure if lasting or "no data record" in words else DNS
    for part, label in OWN:
        if part in words:
            return label
    return _plain(words) or LOCAL


def _plain(text: str) -> str:
    """The words of a text nobody knows, without what names a host, an address, a number or an ID."""
    words = [word for word in (part.strip(_MARKS) for part in text[:400].split()) if word.isalpha()]
    label = " ".join(words)
    if len(label) > _LABEL_LENGTH:
        label = label[:_LABEL_LENGTH].rpartition(" ")[0] or label[:_LABEL_LENGTH]
        label += "…"
    return label
