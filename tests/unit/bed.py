"""A spool of real queue files, a postsuper that can be told to misbehave, and what runs the verbs on them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mtatui.backends.demo.writer import Draft, To, write
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.act import Actor
from mtatui.backends.postfix.schedule import PROGRAM
from mtatui.backends.postfix.spool.record import read_identity
from mtatui.backends.postfix.tools import Tools
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Outcome, Receipt, Selection, Target
from mtatui.text import clean

#: What postsuper does to the files and says of it, one ID at a time. "die" makes it die at the second ID,
#: "mute" lets it not say what it does, "deliver" plays a queue manager that was faster with every other one.
POSTSUPER = """
import os, sys
spool, mode, letter = sys.argv[1], sys.argv[2], sys.argv[3].strip("-")
sources, target, words, total = {
    "h": ("deferred active incoming", "hold", "placed on hold", "Placed on hold"),
    "H": ("hold", "deferred", "released from hold", "Released from hold"),
    "r": ("hold deferred active incoming", "maildrop", "requeued", "Requeued"),
    "d": ("hold deferred active incoming", "", "removed", "Deleted"),
    "f": ("hold deferred", "deferred", "expired", "Force-expired"),
}[letter]
if len(sys.argv) > 5: sources = " ".join(sys.argv[5:])
count = 0
for number, line in enumerate(sys.stdin):
    id = line.strip()
    for source in sources.split():
        path = f"{spool}/{source}/{id}"
        if not os.path.exists(path): continue
        if mode == "deliver" and number % 2:
            os.unlink(path)
            break
        if target: os.rename(path, f"{spool}/{target}/{id}")
        else: os.unlink(path)
        if letter == "d":
            for log in ("defer", "bounce"):
                if os.path.exists(f"{spool}/{log}/{id}"): os.unlink(f"{spool}/{log}/{id}")
        if letter == "f": os.chmod(f"{spool}/{target}/{id}", 0o710)
        count += 1
        if mode == "die" and number == 1:
            os.abort()
        if mode != "mute": print(f"postsuper: {id}: {words}", file=sys.stderr, flush=True)
        break
print(f"postsuper: {total}: {count} messages", file=sys.stderr)
"""
POSTQUEUE = "import sys; open(sys.argv[1] + '/delivered', 'a').write(sys.argv[3] + chr(10))"


class StandIns(LocalHost):
    """A host whose Postfix commands are the stand-ins above."""

    def __init__(self, spool: Path, mode: str = "") -> None:
        super().__init__("mx1")
        self.superuser = True
        self.spool = spool
        self.mode = mode
        self.version = "3.7.11"
        self.missing = False

    def command(self, argv: Sequence[str]) -> list[str]:
        python = [sys.executable, "-I", "-S", "-c"]
        match argv[0]:
            case "postsuper":
                if self.missing:
                    return ["postsuper-that-is-not-there"]
                return [*python, POSTSUPER, str(self.spool), self.mode or "-", *argv[1:]]
            case "env":  # before the stand-in that is run for each message
                program = list(argv).index(str(PROGRAM)) + 1
                return [*argv[:program], *self.command(argv[program:])]
            case "postqueue":
                return [*python, POSTQUEUE, str(self.spool), *argv[1:]]
            case "postconf":
                return [*python, f"print('mail_version = {self.version}')"]
        return list(argv)


class Bed:
    """A spool, what runs the verbs on it, and the messages that were put there."""

    def __init__(self, spool: Path) -> None:
        self.spool = spool
        self.host = StandIns(spool)
        self.actor = Actor(self.host, Tools(self.host), str(spool), "", 0)

    def mail(self, state: str = "deferred", sender: str = "s@x.test", *, long_id: bool = True) -> Target:
        draft = Draft([To("r@y.test")], sender=sender, arrival=1e9, state="hold")
        id = write(self.spool, draft, long_id=long_id)
        path = self.spool / state / id
        (self.spool / "hold" / id).rename(path)
        arrival, size, read = read_identity(str(path))
        return Target(Identity(id, arrival, size, clean(read)), State(state))

    def at(self, target: Target) -> set[str]:
        """Where it has a name."""
        return {
            os.path.relpath(folder, self.spool)
            for folder, _, names in os.walk(self.spool)
            if target.identity.id in names
        }

    def at_one(self, target: Target) -> str:
        """The one place it is in, of the two that a deleted message may be in."""
        both = ("deferred", "mtatui/trash")
        [place] = [p for p in both if (self.spool / p / target.identity.id).exists()]
        return place


def select(*targets: Target) -> Selection:
    return Selection(targets, "by hand", time.time())


def renamed(target: Target, receipt: Receipt) -> Target:
    """The target under the queue ID that it has now."""
    return replace(target, identity=replace(target.identity, id=receipt.became))


def texts(outcome: Outcome) -> list[tuple[str, str]]:
    return [(receipt.result.value, receipt.text) for receipt in outcome.receipts]
