"""Sends the probe's messages through a listener of this server and follows them in the logs to their end.

It runs on the server, as root, on whatever Python is there: standard library only, Python 3.6. The first
message is harmless and goes alone: where it does not come to the end that was expected, nothing else is sent.
What has not left the queue when the time is over is removed from there, if it is ours by its Message-ID.
"""

import base64
import json
import re
import signal
import sys
import time

from .commands import run
from .hearing import Hearing
from .session import Unreachable, send
from .story import Story

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, NoReturn

    Letter = Dict[str, Any]

#: Seconds between looks at the logs.
TICK = 0.1
#: Seconds for which more lines are waited for: after a refusal (a filter's own line comes about then), after
#: a deferral, after all has come, and for amavis's own line, which it may write elsewhere.
REFUSED, DEFERRED, QUIET, AWAITED = 1.5, 2.0, 0.4, 5.0
#: How often a message is tried.
TRIES = 4
#: What qmgr(8) says when it throws away what is for double_bounce_sender.
THROWN_AWAY = "undeliverable postmaster notification discarded"

_ID = re.compile(r"[A-Za-z0-9]{5,}\Z")


class Probe:
    """One run."""

    def __init__(self, request: "Dict[str, Any]") -> None:
        self.request = request
        self.hearing = Hearing(request["logs"], request["journal"])
        self.story = Story()
        self.letters: "List[Letter]" = [
            dict(one, reply=None, at=0.0, begun=False, tries=1) for one in request["letters"]
        ]
        self.why_not = ""

    def run(self) -> None:
        """Send and follow them all."""
        first, rest = self.letters[0], self.letters[1:]
        self._send(first)
        self._follow([first])
        self.why_not = self._amiss(first)
        if self.why_not:
            return
        for letter in rest:
            self._send(letter)
        self._follow(rest)

    def _send(self, letter: "Letter") -> None:
        letter["begun"] = True
        self._tell(letter, "sending")
        try:
            letter["reply"] = send(self.request, base64.b64decode(letter["data"]))
        except Unreachable as error:
            letter["reply"] = {"stage": "connect", "code": 0, "text": str(error), "queue_id": ""}
        letter["at"] = time.monotonic()
        self._tell(letter, "following")

    def _follow(self, letters: "List[Letter]") -> None:
        until = time.monotonic() + self.request["patience"]
        waiting = list(letters)
        while waiting and time.monotonic() < until:
            for line in self.hearing.lines():
                self.story.hear(line)
            for letter in list(waiting):
                if self._is_over(letter):
                    waiting.remove(letter)
                    self._tell(letter, "done")
            time.sleep(TICK)
        for letter in waiting:
            self._tell(letter, "done")

    def _is_over(self, letter: "Letter") -> bool:
        now = time.monotonic()
        reply = letter["reply"]
        if not 200 <= reply["code"] < 300:
            return bool(now - letter["at"] > (REFUSED if reply["code"] and self.hearing.files else 0))
        if not self.hearing.files:  # then it is followed no further than out of the queue
            return not self._holds(reply["queue_id"], letter)
        told = self.facts(letter)
        if told["over"] or told["awaited"]:
            letter.setdefault("quiet", now)
            waits = any(one["status"] == "deferred" for one in told["ends"])
            if waits and letter["tries"] < TRIES and now - letter["quiet"] > QUIET:
                self._try_again(letter, told)
                return False
            still = AWAITED if told["awaited"] else DEFERRED if waits else QUIET
            return bool(now - letter["quiet"] > still)
        letter.pop("quiet", None)
        return False

    def _try_again(self, letter: "Letter", told: "Dict[str, Any]") -> None:
        """Have Postfix try at once what it put off: each process of a filter may find once that a connection
        was cut by a restart."""
        letter["tries"] += 1
        letter.pop("quiet")
        for id in self.story.left(set(told["queue_ids"])):
            run(self._argv("postqueue", "-i", id))

    def facts(self, letter: "Letter") -> "Dict[str, Any]":
        """What became of a message, as `Story.of` tells it."""
        reply = letter["reply"] or {"queue_id": "", "text": ""}
        return self.story.of(letter["message_id"], reply["queue_id"], reply["text"])

    def _amiss(self, first: "Letter") -> str:
        """Why nothing more is sent; "" where the first message went as it should."""
        if not 200 <= first["reply"]["code"] < 300:
            return "the clean message was not taken"
        if not self.request["thrown_away"]:
            return ""
        told = self.facts(first)
        if told["judged"] is not None and told["judged"]["passed"] == "Blocked":
            return "the clean message was not let through"
        # Others get copies where the configuration says so; where theirs go is their business.
        ends = [one for one in told["ends"] if one["to"] not in self.request["copies"]]
        if any(one["status"] == "sent" and THROWN_AWAY not in one["text"] for one in ends):
            return "the clean message was not thrown away at its end as it should have been"
        if not (told["over"] or told["awaited"]):
            return "the clean message did not come to its end in time"
        if not ends or any(one["status"] != "sent" for one in ends):
            return "the clean message was not delivered"
        return ""

    # -- afterwards ------------------------------------------------------------------------------------------

    def sweep(self) -> "List[Dict[str, Any]]":
        """Remove from the queue what is ours and still there: each with what came of it."""
        swept = []
        for line in self.hearing.lines():
            self.story.hear(line)
        for letter in self.letters:
            if not letter["begun"]:
                continue
            ids = set(self.facts(letter)["queue_ids"])
            ids.update(id for id in [(letter["reply"] or {}).get("queue_id", "")] if id)
            for id in self.story.left(ids):
                if self._holds(id, letter):
                    done = run(self._argv("postsuper", "-d", id))[2]
                    gone = b"removed" in done or b"Deleted: 1" in done
                    swept.append({"letter": letter["id"], "queue_id": id, "gone": gone})
        return swept

    def _holds(self, id: str, letter: "Letter") -> bool:
        """Whether the queue has a message of this ID, and it is this letter."""
        if not _ID.match(id):
            return False
        said = run(self._argv("postcat", "-qh", id))[1]
        return bool(letter["message_id"].encode("ascii") in said)

    def _argv(self, command: str, *options: str) -> "List[str]":
        where = ["-c", self.request["config"]] if self.request["config"] else []
        return [command, *where, *options]

    def _tell(self, letter: "Letter", state: str) -> None:
        told = {"letter": letter["id"], "state": state, "reply": letter["reply"], "facts": None}
        if state == "done":
            told["facts"] = self.facts(letter)
        sys.stderr.write(json.dumps(told) + "\n")
        sys.stderr.flush()

    def report(self, swept: "List[Dict[str, Any]]") -> "Dict[str, Any]":
        """Everything, when all is over."""
        for line in self.hearing.lines():
            self.story.hear(line)
        return {
            "letters": {
                letter["id"]: {"reply": letter["reply"], "facts": self.facts(letter)}
                for letter in self.letters
                if letter["reply"] is not None
            },
            "why_not": self.why_not,
            "swept": swept,
            "logs": self.hearing.files,
        }


def main() -> None:
    """Do what the request on standard input says."""
    probe = Probe(json.load(sys.stdin))

    def stop(number: int, frame: "Any") -> "NoReturn":
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    try:
        probe.run()
    finally:
        swept = probe.sweep()
    sys.stdout.write(json.dumps(probe.report(swept)) + "\n")
