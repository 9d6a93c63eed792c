"""Stands in for postsuper(1) on the demo's queue (postsuper.c): its lines, counts, and exit code 0."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from mtatui.backends.demo.command import EX_FATAL, EX_OK, ID, Fatal, lines, options_of
from mtatui.backends.demo.configuration import spool_of
from mtatui.backends.demo.spool import EXPIRE, QUEUES, Spool

_USAGE = (
    "usage: postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] "
    "[-f queue_id (expire and/or un-hold)] [-h queue_id (hold)] [-H queue_id (un-hold)] "
    "[-p (purge temporary files)] [-r queue_id (requeue)] [-s (structure fix)] "
    "[-S (redundant structure fix)][-v (verbose)] [queue...]"
)
#: In the order of the report: what was asked for, and what is counted for it.
_REPORT = (
    ("r", "requeued", "Requeued"),
    ("d", "removed", "Deleted"),
    ("ef", "expired", "Force-expired"),
    ("h", "placed on hold", "Placed on hold"),
    ("Hf", "released from hold", "Released from hold"),
)


def run(arguments: list[str]) -> int:
    """postsuper(1): -d -e -f -h -H -r with an ID, ``-`` or ALL; -s and -p find nothing to mend here."""
    options, queues = options_of("postsuper", arguments, "c:d:e:f:h:H:pr:sSv", _USAGE, EX_FATAL)
    for queue in queues:
        if queue not in (*QUEUES, "bounce", "defer", "flush", "trace"):
            raise Fatal(f"invalid directory name: {queue}")
    work = _Super(spool_of(options), [queue for queue in QUEUES if not queues or queue in queues])
    asked = {letter.strip("-") for letter, _ in options}
    for letter, value in options:
        verbs = work.verbs(letter.strip("-"))
        if not verbs:
            continue
        for id in work.all_ids() if value == "ALL" else lines() if value == "-" else [value]:
            for verb in verbs:
                if ID.fullmatch(id):
                    verb(id, quiet=value == "ALL")
                else:
                    print(f"postsuper: warning: invalid mail queue id: {id}", file=sys.stderr)
    for letters, done, words in _REPORT:
        if asked & set(letters):
            count = work.done.get(done, 0)
            print(f"postsuper: {words}: {count} message{'' if count == 1 else 's'}", file=sys.stderr)
    work.spool.wake()
    return EX_OK


class _Super:
    """What postsuper does to one message, and the count of it."""

    def __init__(self, spool: Spool, queues: list[str]) -> None:
        self.spool = spool
        self.queues = queues
        self.done: dict[str, int] = {}

    def verbs(self, letter: str) -> list[Callable[..., None]]:
        """What an option letter does, in order; nothing for one that names no verb."""
        return {
            "d": [self.delete],
            "e": [self.expire],
            "f": [self.expire, self.release],
            "h": [self.hold],
            "H": [self.release],
            "r": [self.requeue],
        }.get(letter, [])

    def all_ids(self) -> list[str]:
        """Everything that is in the queues."""
        return [id for queue in self.queues for id, _ in self.spool.ids(queue)]

    def delete(self, id: str, quiet: bool) -> None:
        with self.spool.locked():
            if found := self.spool.find(id, self.queues):
                self.spool.remove_logs(id)
                os.unlink(found[1])
                self._tell(id, "removed", quiet)

    def expire(self, id: str, quiet: bool) -> None:
        with self.spool.locked():
            if found := self._find(id, but=("maildrop",)):
                mode = os.stat(found).st_mode & 0o777
                if not mode & EXPIRE:
                    os.chmod(found, mode | EXPIRE)
                    self._tell(id, "expired", quiet)

    def hold(self, id: str, quiet: bool) -> None:
        with self.spool.locked():
            if found := self._find(id, but=("maildrop", "hold")):
                self.spool.move(found, "hold", id)
                self._tell(id, "placed on hold", quiet)

    def release(self, id: str, quiet: bool) -> None:
        with self.spool.locked():
            if "hold" in self.queues and (found := self.spool.find(id, ["hold"])):
                self.spool.move(found[1], "deferred", id)
                self._tell(id, "released from hold", quiet)

    def requeue(self, id: str, quiet: bool) -> None:
        with self.spool.locked():
            if found := self._find(id, but=("maildrop",)):
                os.utime(self.spool.move(found, "maildrop", id))
                self._tell(id, "requeued", quiet)

    def _find(self, id: str, but: Sequence[str]) -> str | None:
        found = self.spool.find(id, [queue for queue in self.queues if queue not in but])
        return found[1] if found else None

    def _tell(self, id: str, done: str, quiet: bool) -> None:
        self.done[done] = self.done.get(done, 0) + 1
        if not quiet:
            print(f"postsuper: {id}: {done}", file=sys.stderr)
            self.spool.say("postsuper", f"{id}: {done}")
