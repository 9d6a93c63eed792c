"""Serves one request, a JSON object on standard input, and tells on standard output what it does.

``apply`` a plan; ``confirm`` or ``roll back`` an entry that waits; ``settle`` what was interrupted; give the
``entries``, one ``entry``, or the ``material`` of its undo. The last line has ``result``, or ``failed`` with
the reason in words. Standard library only, Python 3.6 or newer.
"""

import base64
import json
import os
import sys
import time

from . import back, files, guard, room
from .apply import PATIENCE, Apply
from .tell import Cancelled, Stop, Teller, Wish, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

#: Entries that `settle` looks at for what was left beside files.
RECENT = 50


class Service:
    """What may be asked about one queue directory."""

    def __init__(self, queue: str, teller: "Teller", wish: "Wish") -> None:
        self.room = room.Room(queue)
        self.teller = teller
        self.wish = wish

    def apply(self, request: "Dict[str, Any]") -> "Any":
        """Apply a plan."""
        return Apply(request, self.room, self.teller, self.wish).run()

    def confirm(self, request: "Dict[str, Any]") -> "Any":
        """Keep what waits to be confirmed."""
        lock = self._locked(request["who"])
        try:
            entry = self.room.entry(request["id"])
            state = entry.state()
            if state.get("phase") != room.AWAITING:
                raise Stop("refused", _too_late(state))
            entry.note(
                outcome="applied", text="Applied, and confirmed by %s." % request["who"], at=time.time()
            )
            for file in entry.document["files"]:
                files.tidy(entry.id, file)
            return _shown(entry)
        finally:
            lock.leave()

    def roll_back(self, request: "Dict[str, Any]") -> "Any":
        """Take back what waits to be confirmed, now; or try it once more where that failed."""
        lock = self._locked(request["who"])
        try:
            entry = self.room.entry(request["id"])
            state = entry.state()
            if state.get("outcome", "broken") != "broken":
                raise Stop("refused", _too_late(state))
            self.wish.ignore()
            result = back.roll_back(entry, self.teller, "Taken back by %s." % request["who"])
            return dict(result, entry=entry.id)
        finally:
            lock.leave()

    def settle(self, request: "Dict[str, Any]") -> "Any":
        """Take back what was left unfinished by all who should have done so; what waits to be confirmed gets
        a guard if it has none any more. What somebody is at now is left to them."""
        entries = self.room.entries()
        open_ones = [entry for entry in entries if not entry.ended]
        messy = [e for e in entries[-RECENT:] if any(files.left_over(e.id, f) for f in e.document["files"])]
        if not open_ones and not messy:
            return []
        lock = room.Lock(self.room)
        if lock.take(request["who"]):
            return []
        settled = []
        self.wish.ignore()
        try:
            for entry in open_ones:
                state = entry.state()
                if "outcome" in state:
                    continue
                if state["phase"] == room.AWAITING and state["until"] > time.time():
                    if not guard.watched(entry):
                        guard.Guard(entry, 1.0, [lock.fd]).dismiss()
                    continue
                why = guard.LATE if state["phase"] == room.AWAITING else guard.GONE
                back.roll_back(entry, self.teller, why, interrupted=True)
                settled.append(_shown(entry))
            for entry in messy:
                if entry.ended:
                    for file in entry.document["files"]:
                        files.tidy(entry.id, file)
        finally:
            lock.leave()
        return settled

    def entries(self, request: "Dict[str, Any]") -> "Any":
        """The last entries, the last first."""
        return [_shown(entry) for entry in self.room.entries()[: -request["limit"] - 1 : -1]]

    def entry(self, request: "Dict[str, Any]") -> "Any":
        """One entry."""
        return _shown(self.room.entry(request["id"]))

    def material(self, request: "Dict[str, Any]") -> "Any":
        """What an undo is made of: each file's bytes before (None: there was none)."""
        entry = self.room.entry(request["id"])
        found = {}
        for file in entry.document["files"]:
            data = files.read(entry.file(file["kept"])) if file["kept"] else None
            found[file["path"]] = None if data is None else base64.b64encode(data).decode("ascii")
        return found

    def _locked(self, who: str) -> "room.Lock":
        self.room.open()
        lock = room.Lock(self.room)
        until = time.monotonic() + PATIENCE
        while True:
            holder = lock.take(who)
            if not holder:
                return lock
            if time.monotonic() > until:
                raise Stop("refused", "Settings of this server are being changed by %s" % holder)
            time.sleep(0.1)


def _shown(entry: "room.Entry") -> "Dict[str, Any]":
    state = entry.state()
    if state.get("phase") == room.AWAITING:
        state["left"] = state["until"] - time.time()  # our clock need not be that of who asks
    return dict(entry.document, state=state)


def _too_late(state: "Dict[str, Any]") -> str:
    if "outcome" not in state:
        return "It is still on its way"
    return "That is over: %s. %s" % (state["outcome"], state.get("text", ""))


def main(arguments: "List[str]") -> int:
    """Serve the request on standard input: ``QUEUE_DIRECTORY``."""
    if len(arguments) != 1 or not os.path.isabs(arguments[0]):
        sys.stderr.write("usage: QUEUE_DIRECTORY\n")
        return 2
    os.umask(0o022)
    teller, wish = Teller(), Wish()
    service = Service(arguments[0], teller, wish)
    operations: "Dict[str, Callable[[Dict[str, Any]], Any]]" = {
        "apply": service.apply,
        "confirm": service.confirm,
        "roll back": service.roll_back,
        "settle": service.settle,
        "entries": service.entries,
        "entry": service.entry,
        "material": service.material,
    }
    line = wish.line()
    if not line:
        return 1
    wish.heed_signals()
    try:
        request = json.loads(line.decode("ascii"))
        teller.tell(result=operations[request["operation"]](request))
        return 0
    except (Stop, Cancelled, OSError) as error:
        teller.tell(failed=words(error))
    except Exception as error:
        teller.tell(failed="not understood: " + words(error))
    return 1
