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

TIMEOUT = "timeout"
REFUSED = "refused"
NO_ROUTE = "no route"
LOST = "lost connection"
HOST_NOT_FOUND = "host not found"
DOMAIN_NOT_FOUND = "domain not found"
DNS = "DNS failure"
GREYLISTED = "greylisted"
FULL = "mailbox full"
NO_USER = "no such user"
DISABLED = "mailbox disabled"
LISTED = "blocked (list)"
REPUTATION = "blocked (reputation)"
DENIED = "access denied"
RATE = "rate limited"
CONNECTIONS = "too many connections"
RECIPIENTS = "too many recipients"
TLS = "TLS failed"
LOGIN = "login failed"
RELAY = "relay denied"
TOO_LARGE = "message too large"
CONTENT = "content rejected"
PROOF = "SPF, DKIM or DMARC"
NO_PTR = "no reverse DNS"
SENDER = "sender refused"
LOOP = "mail loop"
REMOTE = "remote trouble (4xx)"
REJECTED = "rejected (5xx)"
LOOKUP = "lookup failed"
NO_TRANSPORT = "transport unavailable"
SUSPENDED = "suspended"
NO_SPACE = "disk full"
PERMISSION = "permission denied"
LOCAL = "local trouble"

#: How a connection fails, as strerror(3) says it.
_CONNECT = {
    "connection timed out": TIMEOUT,
    "operation timed out": TIMEOUT,
    "connection refused": REFUSED,
    "no route to host": NO_ROUTE,
    "network is unreachable": NO_ROUTE,
    "network unreachable": NO_ROUTE,
    "host is down": NO_ROUTE,
    "host is unreachable": NO_ROUTE,
    "cannot assign requested address": NO_ROUTE,
    "address family not supported by protocol": NO_ROUTE,
    "connection reset by peer": LOST,
    "server refused mail service": REFUSED,
    "server refused to talk to me": REFUSED,
    "no such file or directory": LOCAL,
    "permission denied": PERMISSION,
}

#: Statuses that leave no doubt (RFC 3463, and 4.7.28 as Gmail uses it).
_SURE = {
    "4.2.2": FULL,
    "5.2.2": FULL,
    "4.1.1": NO_USER,
    "5.1.1": NO_USER,
    "5.1.10": NO_USER,
    "4.7.28": RATE,
    "5.3.4": TOO_LARGE,
    "4.3.4": TOO_LARGE,
    "5.2.3": TOO_LARGE,
    "4.5.3": RECIPIENTS,
}
#: The same where the words are more telling, when they tell.
_LIKELY = {
    "4.2.1": DISABLED,
    "5.2.1": DISABLED,
    "4.1.8": SENDER,
    "5.1.8": SENDER,
    "4.3.1": NO_SPACE,
    "4.4.6": LOOP,
    "5.4.6": LOOP,
    "4.7.8": LOGIN,
    "5.7.8": LOGIN,
    "5.7.0": DENIED,
    "5.7.23": PROOF,
    "5.7.26": PROOF,
    "4.7.26": PROOF,
    "4.7.23": NO_PTR,
    "5.7.25": NO_PTR,
    "4.7.25": NO_PTR,
}

#: What remote servers say. The first that fits counts, so what is more telling stands before what is vague.
_REPLIES: tuple[tuple[str, str], ...] = (
    ("greylist", GREYLISTED),
    ("graylist", GREYLISTED),
    ("grey list", GREYLISTED),
    ("grey-list", GREYLISTED),
    ("reputation", REPUTATION),
    ("unusual rate", RATE),
    ("suspicious", CONTENT),
    ("too many conn", CONNECTIONS),
    ("too many concurrent", CONNECTIONS),
    ("too many simultaneous", CONNECTIONS),
    ("too many sessions", CONNECTIONS),
    ("connection rate", CONNECTIONS),
    ("connections from your", CONNECTIONS),
    ("concurrent connection", CONNECTIONS),
    ("connection limit", CONNECTIONS),
    ("connection frequency", CONNECTIONS),
    ("maximum connections", CONNECTIONS),
    ("number of connections", CONNECTIONS),
    ("rate limit", RATE),
    ("ratelimit", RATE),
    ("rate-limit", RATE),
    ("at a rate", RATE),
    ("rate that", RATE),
    ("throttl", RATE),
    ("unexpected volume", RATE),
    ("user complaints", RATE),
    ("too many messages", RATE),
    ("too many mails", RATE),
    ("too many emails", RATE),
    ("too much mail", RATE),
    ("too fast", RATE),
    ("too quickly", RATE),
    ("slow down", RATE),
    ("sending quota", RATE),
    ("sending limit", RATE),
    ("frequency limited", RATE),
    ("mail frequency", RATE),
    ("hourly limit", RATE),
    ("daily limit", RATE),
    ("limit exceeded for", RATE),
    ("exceeded the maximum number of messages", RATE),
    ("4.7.500", RATE),
    ("4.7.650", RATE),
    ("4.7.651", RATE),
    ("too many recipients", RECIPIENTS),
    ("too many invalid recipients", RECIPIENTS),
    ("mailbox full", FULL),
    ("mailbox is full", FULL),
    ("mailbox quota", FULL),
    ("mailbox has exceeded", FULL),
    ("mailbox size limit", FULL),
    ("inbox is full", FULL),
    ("over quota", FULL),
    ("overquota", FULL),
    ("over the quota", FULL),
    ("quota exceeded", FULL),
    ("exceeded quota", FULL),
    ("exceeds quota", FULL),
    ("out of storage", FULL),
    ("exceeded storage", FULL),
    ("storage allocation", FULL),
    ("message size", TOO_LARGE),
    ("too large", TOO_LARGE),
    ("too big", TOO_LARGE),
    ("size limit", TOO_LARGE),
    ("maximum size", TOO_LARGE),
    ("spamhaus", LISTED),
    ("spamcop", LISTED),
    ("barracuda", LISTED),
    ("blacklist", LISTED),
    ("black list", LISTED),
    ("blocklist", LISTED),
    ("block list", LISTED),
    ("denylist", LISTED),
    ("dnsbl", LISTED),
    ("blocked using", LISTED),
    ("listed by", LISTED),
    ("listed in", LISTED),
    ("listed at", LISTED),
    ("listed on", LISTED),
    ("is on our", LISTED),
    (" rbl", LISTED),
    ("banned sending ip", LISTED),
    ("permanently deferred", REPUTATION),
    ("user unknown", NO_USER),
    ("unknown user", NO_USER),
    ("no such user", NO_USER),
    ("does not exist", NO_USER),
    ("doesn't exist", NO_USER),
    ("user not found", NO_USER),
    ("no such recipient", NO_USER),
    ("unknown recipient", NO_USER),
    ("recipient unknown", NO_USER),
    ("recipient not found", NO_USER),
    ("recipientnotfound", NO_USER),
    ("invalid recipient", NO_USER),
    ("invalid mailbox", NO_USER),
    ("no mailbox", NO_USER),
    ("mailbox not found", NO_USER),
    ("mailbox unavailable", NO_USER),
    ("unknown address", NO_USER),
    ("address unknown", NO_USER),
    ("unrouteable address", NO_USER),
    ("unverified address", NO_USER),
    ("undeliverable address", NO_USER),
    ("unknown in", NO_USER),
    ("recipient verify", NO_USER),
    ("disabled", DISABLED),
    ("inactive", DISABLED),
    ("deactivated", DISABLED),
    ("mailbox locked", DISABLED),
    ("mailbox busy", REMOTE),
    ("dmarc", PROOF),
    ("dkim", PROOF),
    ("spf", PROOF),
    ("unauthenticated", PROOF),
    ("reverse dns", NO_PTR),
    ("reverse host", NO_PTR),
    ("ptr record", NO_PTR),
    ("rdns", NO_PTR),
    ("find your hostname", NO_PTR),
    ("find your reverse", NO_PTR),
    ("relay access denied", RELAY),
    ("relaying denied", RELAY),
    ("not permitted to relay", RELAY),
    ("relay not permitted", RELAY),
    ("unable to relay", RELAY),
    ("starttls", TLS),
    ("tls", TLS),
    ("authentication", LOGIN),
    ("auth required", LOGIN),
    ("not logged in", LOGIN),
    ("sender address rejected", SENDER),
    ("sender verify", SENDER),
    ("sender rejected", SENDER),
    ("sender domain", SENDER),
    ("domain of sender", SENDER),
    ("sender's domain", SENDER),
    ("virus", CONTENT),
    ("malware", CONTENT),
    ("spam", CONTENT),
    ("content", CONTENT),
    ("unsolicited", CONTENT),
    ("policy", CONTENT),
    ("attachment", CONTENT),
    ("header", CONTENT),
    ("too many hops", LOOP),
    ("hop count", LOOP),
    ("loop", LOOP),
    ("timed out", REMOTE),
    ("timeout", REMOTE),
    ("access denied", DENIED),
    ("client host rejected", DENIED),
    ("blocked", DENIED),
    ("not authorized", DENIED),
    ("not allowed", DENIED),
    ("storage", REMOTE),
    ("disk", REMOTE),
    ("try again", REMOTE),
    ("try later", REMOTE),
    ("retry", REMOTE),
    ("temporar", REMOTE),
    ("busy", REMOTE),
    ("not available", REMOTE),
    ("unavailable", REMOTE),
    ("internal error", REMOTE),
    ("local problem", REMOTE),
    ("local error", REMOTE),
    ("error in processing", REMOTE),
    ("resources", REMOTE),
    ("configuration", REMOTE),
    ("lookup", REMOTE),
    ("closing", REMOTE),
)

#: What Postfix says of itself and the network: smtp, local, virtual, pipe, error, qmgr, trivial-rewrite(8).
_OWN: tuple[tuple[str, str], ...] = (
    ("conversation with", TIMEOUT),
    ("lost connection", LOST),
    ("connection reset", LOST),
    ("broken pipe", LOST),
    ("loops back to myself", LOOP),
    ("too many hops", LOOP),
    ("mail forwarding loop", LOOP),
    ("tls", TLS),
    ("certificate", TLS),
    ("dane", TLS),
    ("sts ", TLS),
    ("sasl", LOGIN),
    ("authentication fail", LOGIN),
    ("transport unavailable", NO_TRANSPORT),
    ("unknown mail transport", NO_TRANSPORT),
    ("deferred transport", SUSPENDED),
    ("deferred by", SUSPENDED),
    ("unknown user", NO_USER),
    ("user unknown", NO_USER),
    ("no space left", NO_SPACE),
    ("insufficient system storage", NO_SPACE),
    ("quota", FULL),
    ("mailbox is full", FULL),
    ("file too large", FULL),
    ("mailbox size", FULL),
    ("permission denied", PERMISSION),
    ("operation not permitted", PERMISSION),
    ("read-only file system", PERMISSION),
    ("lookup", LOOKUP),
    ("alias database", LOOKUP),
    ("map lookup", LOOKUP),
    ("message size", TOO_LARGE),
    ("too large", TOO_LARGE),
    ("nullmx", DOMAIN_NOT_FOUND),
    ("does not accept mail", DOMAIN_NOT_FOUND),
    ("connection refused", REFUSED),
    ("no route", NO_ROUTE),
    ("unreachable", NO_ROUTE),
    ("timed out", TIMEOUT),
    ("timeout", TIMEOUT),
    ("cannot ", LOCAL),
    ("can't ", LOCAL),
    ("unable to", LOCAL),
    ("command ", LOCAL),
    ("local configuration", LOCAL),
    ("system resource", LOCAL),
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
    if words.startswith(_SUSPENDED):
        words = words[len(_SUSPENDED) :]
    if words.startswith("connect to "):
        label = _CONNECT.get(words.rpartition(": ")[2])
        if label is not None:
            return label
    _, said, reply = words.partition(" said: ")
    if not said:
        _, said, reply = words.partition(" refused to talk to me: ")
    return _of_reply(reply, status) if said else _of_postfix(words)


def _of_reply(reply: str, status: str) -> str:
    label = _SURE.get(status)
    if label is not None and "greylist" not in reply and "graylist" not in reply:
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
        or _LIKELY.get(status)
        or _plain(reply)
        or (REJECTED if reply.startswith("5") else REMOTE)
    )


@lru_cache(_REMEMBERED)
def _known(reply: str) -> str:
    """The label of the first words that are in a reply. Without its address, one is much like another."""
    return next((label for words, label in _REPLIES if words in reply), "")


def _of_postfix(words: str) -> str:
    if "name service error" in words or words.startswith("host or domain name not found"):
        if "type=mx: host not found" in words or "type=mx: host found but no data" in words:
            sure = DOMAIN_NOT_FOUND
        else:
            sure = HOST_NOT_FOUND
        lasting = "host not found" in words and "try again" not in words
        return sure if lasting or "no data record" in words else DNS
    for part, label in _OWN:
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
