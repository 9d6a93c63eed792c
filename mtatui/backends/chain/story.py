"""What the logs tell about the probe's messages: under which queue IDs they went, what amavis made of them,
how each delivery ended, and which notices they caused.

The lines are Postfix's (smtpd(8), cleanup(8), qmgr(8), the delivery agents) and amavisd's of log level 0
(``$log_short_templ``, as it is unless somebody changed it). Amavis gives its notices Message-IDs made of what
they are (VA: virus or banned content, to an administrator; SA: spam, to an administrator; VR: to the
recipient; VS, SS, DSN: to the sender) and the ``mail_id`` of the message that they are about.
"""

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Set

#: Lines that are kept for one message.
LINES = 80

_DAEMON = re.compile(r"([\w./-]+)\[\d+\]: (.*)$")
_QUEUE_ID = re.compile(r"([0-9A-Za-z]{5,}): (.*)$")
_TO = re.compile(
    r"to=<(?P<to>[^>]*)>,(?: orig_to=<(?P<orig_to>[^>]*)>,)? relay=(?P<relay>[^,]*),.*?"
    r"status=(?P<status>\S+) \((?P<text>.*)\)$"
)
_MESSAGE_ID = re.compile(r"(?:resent-)?message-id=(<.*>)")
_AMAVIS = re.compile(r"\((?P<job>\d+-[\d-]+)\) (?P<rest>.*)$")
_JUDGED = re.compile(
    r"(?P<passed>Passed|Blocked) (?P<class>[A-Z][A-Z0-9-]*)(?: \((?P<what>.*?)\))? \{(?P<actions>[^}]*)\},"
    r"(?: (?P<banks>[A-Z][\w/]*(?:[ ,][A-Z][\w/]*)*))? \[(?P<client>[^\]]*)\]"
)
_FIELDS = {
    "message_id": re.compile(r", Message-ID: (<[^,]*>)"),
    "mail_id": re.compile(r", mail_id: ([\w+-]+)"),
    "hits": re.compile(r", Hits: (-?[\d.]+)"),
    "quarantine": re.compile(r", quarantine: ([^,]+)"),
    "dkim": re.compile(r", dkim_sd=(.*?)(?:, dkim_new=|, -?\d+ ms|$)"),
    "tests": re.compile(r", Tests: \[([^\]]*)\]"),
}
_NOTICE = re.compile(r"<(VA|SA|VR|VS|SS|DSN)([\w+-]+)@")
#: What amavis replies, by which it is known what it found though its own line never comes.
_REPLIED = re.compile(
    r"(?P<deed>Ok, discarded|Reject|Bounce)[^,]*, id=(?P<job>[\d-]+) - "
    r"(?P<class>INFECTED|BANNED|UNCHECKED|spam|spammy)\b(?:: (?P<what>.*?))?(?: \(in reply .*)?$"
)
_DEEDS = {"Ok, discarded": "Discarded", "Reject": "Rejected", "Bounce": "Bounced"}
_NEARBY = re.compile(r"127\.|localhost\b|\[?::1\b|/")
#: Whether it was amavis that replied.
_BY_AMAVIS = re.compile(r"id=\d+-\d|from MTA\(")
_QUEUED_AS = re.compile(r"queued as ([0-9A-Za-z]{5,})")


class Story:
    """All that the logs have told since the probe began."""

    def __init__(self) -> None:
        self._entries: "Dict[str, Dict[str, Any]]" = {}
        self._judged: "Dict[str, Dict[str, Any]]" = {}
        self._said: "Dict[str, List[str]]" = {}
        self._lines: "Dict[str, List[str]]" = {}

    def hear(self, line: str) -> None:
        """One line of a log."""
        found = _DAEMON.search(line)
        if found is None:
            return
        program, text = found.groups()
        job = _AMAVIS.match(text)
        about = _QUEUE_ID.match(text)
        if job is not None:
            self._amavis(line, job.group("job"), job.group("rest"))
        elif about is not None:
            self._postfix(line, program, about.group(1), about.group(2))

    def _postfix(self, line: str, program: str, id: str, text: str) -> None:
        message_id = _MESSAGE_ID.match(text)
        entry = self._entries.get(id)
        if entry is None:
            entry = self._entries[id] = {"message_id": "", "deliveries": [], "over": False}
        self._keep(id, line)
        delivery = _TO.match(text)
        if message_id is not None:
            entry["message_id"] = message_id.group(1)
        elif delivery is not None:
            entry["deliveries"].append(dict(delivery.groupdict(), program=program.rpartition("/")[2]))
        elif (text == "removed" and program.endswith("qmgr")) or text.startswith(
            "milter-reject: END-OF-MESSAGE"
        ):
            entry["over"] = True

    def _amavis(self, line: str, job: str, text: str) -> None:
        self._keep(job, line)
        judged = _JUDGED.match(text)
        if judged is None:
            self._said.setdefault(job, []).append(text)
            return
        found: "Dict[str, Any]" = judged.groupdict()
        for name, pattern in _FIELDS.items():
            field = pattern.search(text)
            found[name] = field.group(1) if field is not None else None
        found["said"] = [said for said in self._said.pop(job, []) if said.startswith("(!")]
        found["job"] = job
        found["line"] = text
        if found["message_id"]:
            self._judged[found["message_id"]] = found

    def _keep(self, key: str, line: str) -> None:
        lines = self._lines.setdefault(key, [])
        if len(lines) < LINES:
            lines.append(line)

    # -- what became of one message --------------------------------------------------------------------------

    def of(self, message_id: str, taken_as: str, reply: str = "") -> "Dict[str, Any]":
        """What became of a message.

        Args:
            taken_as: its queue ID, as the listener said; "" for none.
            reply: all that the listener said at its end.

        Returns:
            ``queue_ids``: under which it went, each with its ``deliveries`` and whether it is ``over``;
            ``judged``: what amavis said, or None; ``notices``: those that amavis sent because of it;
            ``ends``: the deliveries by which it left the server, or was thrown away; ``over``: all that is to
            be expected has come; ``awaited``: only amavis's line has not; ``lines``: what was read.
        """
        judged = self._judged.get(message_id)
        ids = {id for id, entry in self._entries.items() if entry["message_id"] == message_id}
        ids |= {taken_as} & set(self._entries)
        notices = self._notices(judged)
        handed = {
            id for known in ids for one in self._entries[known]["deliveries"] for id in self._handed(one)
        }
        ids |= handed & set(self._entries)
        entries = {id: self._entries[id] for id in sorted(ids)}
        known = ids | {notice["queue_id"] for notice in notices}
        # A filter before the queue may have let none of it into the queue.
        over = (bool(ids) or (judged is not None and not taken_as)) and handed <= set(self._entries)
        over = over and all(_rests(self._entries[id]) for id in known | handed)
        said = [one["text"] for entry in entries.values() for one in entry["deliveries"]] + [reply]
        awaited = over and judged is None and any(_BY_AMAVIS.search(text) for text in said)
        if judged is None:
            judged = next((found for text in said for found in _replied(text)), None)
        lines = [
            line
            for id in [*sorted(known), *([judged["job"]] if judged else [])]
            for line in self._lines.get(id, [])
        ]
        return {
            "queue_ids": entries,
            "judged": judged,
            "notices": notices,
            "ends": [
                one
                for entry in entries.values()
                for one in entry["deliveries"]
                # What was put off and is gone has had its second try.
                if not self._handed(one) and not (entry["over"] and one["status"] == "deferred")
            ],
            "over": over and not awaited,
            "awaited": awaited,
            "lines": list(dict.fromkeys(lines)),
        }

    def _notices(self, judged: "Dict[str, Any] | None") -> "List[Dict[str, Any]]":
        if judged is None or not judged["mail_id"]:
            return []
        found = []
        for id, entry in self._entries.items():
            notice = _NOTICE.match(entry["message_id"])
            if notice is not None and notice.group(2) == judged["mail_id"]:
                found.append(dict(entry, queue_id=id, kind=notice.group(1)))
        return found

    def _handed(self, delivery: "Dict[str, Any]") -> "List[str]":
        """The queue IDs under which a filter handed it back to this server; none if it went elsewhere."""
        if delivery["status"] != "sent":
            return []
        nearby = _BY_AMAVIS.search(delivery["text"]) or _NEARBY.match(delivery["relay"])
        return [id for id in _QUEUED_AS.findall(delivery["text"]) if nearby or id in self._entries]

    def left(self, queue_ids: "Set[str]") -> "List[str]":
        """Those that are not gone as far as the logs tell."""
        return [id for id in sorted(queue_ids) if id not in self._entries or not self._entries[id]["over"]]


def _rests(entry: "Dict[str, Any]") -> bool:
    """Whether nothing more happens to it soon: it is gone, or waits for another try."""
    waits = bool(entry["deliveries"]) and all(one["status"] == "deferred" for one in entry["deliveries"])
    return entry["over"] or waits


def _replied(text: str) -> "Iterator[Dict[str, Any]]":
    """What amavis found, from what it replied: all that its own line would have told, as far as that goes."""
    found = _REPLIED.search(text)
    if found is not None:
        told: "Dict[str, Any]" = dict.fromkeys([*_FIELDS, "banks", "client", "line"])
        told.update(found.groupdict())
        told.update({"passed": "Blocked", "class": found.group("class").upper(), "said": []})
        told["actions"] = _DEEDS[found.group("deed")]
        yield told
