"""Applies a change: lock, compare, record, guard, stage, check, replace, reload, probe, finish.

To check is to run the commands of the plan over staged copies, and to rehearse it (`rehearse`). Until
`replace` nothing that any daemon reads is touched, and every error is a refusal. From then on every error,
and every wish to stop, takes the change back. The daemons beside Postfix (`daemons`) come before it, since it
asks them; and where nothing of Postfix's changes, it is left alone.
"""

import base64
import os
import time

from . import back, daemons, files, guard, maillog, master, probe, rehearse, revive, room
from .stage import Stage
from .tell import Cancelled, Stop, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from .tell import Teller, Wish

#: Seconds to wait for somebody else who is changing settings.
PATIENCE = 5.0
#: Seconds that an apply may take besides its commands, until its guard ends it.
SLACK = 60.0


class Apply:
    """One change on its way."""

    def __init__(self, request: "Dict[str, Any]", place: "room.Room", teller: "Teller", wish: "Wish") -> None:
        self.request = request
        self.room = place
        self.teller = teller
        self.wish = wish
        self.lock = room.Lock(place)
        self.before: "Dict[str, Optional[bytes]]" = {}
        self.after = {edit["path"]: _bytes(edit["after"]) for edit in request["edits"]}
        self.entry = room.Entry(place, "")
        self.stage = Stage("")
        self.postfix = bool(request["reload"])
        """Whether it has anything to take."""
        self.guard: "Optional[guard.Guard]" = None
        self.log = maillog.Log(place.queue, maillog.File(""))

    def run(self) -> "Dict[str, Any]":
        """Do it: the outcome."""
        started = time.monotonic()
        try:
            state = self._run()
        finally:
            if self.guard is not None:
                self.guard.dismiss()
            self.lock.leave()
        return dict(state, entry=self.entry.id, cost=time.monotonic() - started)

    def _run(self) -> "Dict[str, Any]":
        try:
            self._lock()
            self._compare()
            self._record()
            self._guard()
            self._stage()
            self._check()
        except (Stop, Cancelled, OSError) as error:
            return self._refused(error)
        try:
            self._replace()
            self._reload()
            self._probe()
            return self._finish()
        except Exception as error:
            self.wish.ignore()
            if self.guard is not None:
                self.guard.goes_back()
            return back.roll_back(self.entry, self.teller, _sentence(words(error)), start=True)

    # -- before anything is touched --------------------------------------------------------------------------

    def _lock(self) -> None:
        with self.teller.telling("lock"):
            self.room.open()
            who = "%s, since %s" % (self.request["who"], time.strftime("%H:%M:%S"))
            until = time.monotonic() + PATIENCE
            holder = self.lock.take(who)
            while holder and time.monotonic() < until:
                time.sleep(0.1)
                self.wish.check()
                holder = self.lock.take(who)
            if holder:
                raise Stop("refused", "Settings of this server are being changed by %s" % holder)
            for entry in self.room.entries():
                state = entry.state()
                waits = state.get("phase") == room.AWAITING
                if waits and (state["until"] > time.time() or guard.watched(entry)):
                    raise Stop(
                        "refused", "The change of %s waits to be confirmed until %s"
                        % (entry.document["who"], time.strftime("%H:%M:%S", time.localtime(state["until"]))),
                    )  # fmt: skip
                if "outcome" not in state:
                    why = guard.LATE if waits else guard.GONE
                    back.roll_back(entry, self.teller, why, interrupted=True)

    def _compare(self) -> None:
        with self.teller.telling("compare") as said:
            versions = {}
            for path, known in self._known().items():
                self.before[path] = now = files.read(path)
                if not files.same(path, now, known):
                    versions[path] = None if now is None else base64.b64encode(now).decode("ascii")
            if versions:
                text = "; ".join("%s was changed meanwhile%s" % (path, self._by(path)) for path in versions)
                raise Stop("changed", text, versions=versions)
            self.after = {path: data for path, data in self.after.items() if data != self.before[path]}
            if not self.after:
                raise Stop("unchanged", "All is as it shall be already")
            said.text = "nothing was changed since it was read"

    def _record(self) -> None:
        with self.teller.telling("record") as said:
            self.room.sweep()
            running = self.postfix and bool(master.pid(self.room.queue))
            unwell = dict(probe.ask_all(self.request["probes"], 1, 0)) if running else {}
            care = [daemons.look(one) for one in self.request["care"]]
            edits = [edit for edit in self.request["edits"] if edit["path"] in self.after]
            listed = [
                files.described(n, edit, self.before[edit["path"]], self.after[edit["path"]])
                for n, edit in enumerate(edits)
            ]
            kept = (
                "who",
                "server",
                "words",
                "changes",
                "cautions",
                "commands",
                "diff",
                "undoes",
                "reload",
                "probes",
            )
            document = {name: self.request[name] for name in kept}
            document.update(
                at=time.time(), queue=self.room.queue, files=listed, running=running, unwell=sorted(unwell),
                log=self.request["log"], confirm_within=self.request["confirm_within"], care=care,
                boot=room.boot(),
            )  # fmt: skip
            self.entry = self.room.new(document)
            self.teller.tell(entry=self.entry.id)
            try:
                for file in listed:
                    if file["kept"]:
                        room.write(self.entry.file(file["kept"]), self.before[file["path"]] or b"")
                self.entry.begin()
            except OSError:
                room.remove(self.entry.path)
                self.entry = room.Entry(self.room, "")
                raise
            said.text = self.entry.id
        unwell.update((one["service"], one["unwell"]) for one in care if one["unwell"])
        for name, text in unwell.items():
            self.teller.step("record", "told", "%s %s, before any change" % (name, text))

    def _guard(self) -> None:
        with self.teller.telling("guard"):
            timeouts = [command["timeout"] for command in self.request["checks"] + self.request["reload"]]
            limit = sum(timeouts) + daemons.longest(self.entry.document["care"]) + SLACK
            self.guard = guard.Guard(self.entry, limit, [self.lock.fd])

    def _stage(self) -> None:
        with self.teller.telling("stage"):
            for file in self.entry.document["files"]:
                self.wish.check()
                files.prepare(self.entry.id, file, self.after[file["path"]])
            self.stage = Stage(self.entry.file("stage"))
            if self.postfix:
                self.stage.copy(self.request["directory"], self.after)
            if self.request["care"]:
                self.stage.lay(self.after)

    def _check(self) -> None:
        with self.teller.telling("check"):
            log = maillog.log(self.room.queue, self.request["log"])
            for command in self.request["checks"]:
                self.wish.check()
                try:
                    revive.command(command, log.complaints, self.teller, "check", self._stopped, self.stage)
                finally:
                    self.wish.check()
            for care in self.request["care"]:
                try:
                    daemons.check(care, self.teller, self._stopped, self.stage)
                finally:
                    self.wish.check()
            self._rehearse(log)
            room.remove(self.entry.file("stage"))
            self._unchanged()
            self.wish.check()

    def _rehearse(self, log: "maillog.Log") -> None:
        """Have an smtpd of each listener try it, before Postfix does."""
        for one in self.request["probes"]:
            self.wish.check()
            if not self.entry.document["running"] or probe.called(one) in self.entry.document["unwell"]:
                continue
            wrong = rehearse.rehearse(self.room.queue, self.stage.postfix, one)
            if wrong and not rehearse.rehearse(self.room.queue, self.request["directory"], one):
                why = "; ".join([wrong, *log.complaints()[-1:]])
                raise Stop("refused", "smtpd, tried with it as %s, is not well: %s" % (one["name"], why))

    def _refused(self, error: Exception) -> "Dict[str, Any]":
        outcome = error.outcome if isinstance(error, Stop) else "refused"
        more = error.more if isinstance(error, Stop) else {}
        text = words(error) + ("" if outcome == "unchanged" else "; nothing was changed")
        text = _sentence(text)
        if self.entry.document:
            for file in self.entry.document["files"]:
                files.tidy(self.entry.id, file)
            back.end(self.entry, outcome, text)
        return dict(more, outcome=outcome, text=text)

    # -- from here on the server is touched ------------------------------------------------------------------

    def _replace(self) -> None:
        with self.teller.telling("replace") as said:
            self.log = maillog.log(self.room.queue, self.request["log"])
            self.entry.note(phase=room.TOUCHING)
            listed = self.entry.document["files"]
            for file in listed:
                files.replace(self.entry.id, file)
            said.text = ", ".join(file["path"] for file in listed)

    def _reload(self) -> None:
        with self.teller.telling("reload") as said:
            came = []
            for care in self.entry.document["care"]:
                self.wish.check()
                came.append(daemons.take(care, self.teller, self.wish.check))
            self.wish.check()
            if self.entry.document["running"]:
                revive.reload(self.entry.document, self.log, self.teller, "reload")
            elif self.postfix:
                came.append("Postfix does not run, and is not started: it reads this when it starts")
            said.text = "; ".join(came)

    def _probe(self) -> None:
        with self.teller.telling("probe") as said:
            self.wish.check()
            came = [self._probe_postfix()] if self.postfix else []
            for care in self.entry.document["care"]:
                if daemons.asked_after(care):
                    trouble = daemons.wrong(care)
                    if trouble:
                        raise Stop("rolled back", "%s is not well with it: %s" % (care["service"], trouble))
                    came.append("%s is well" % care["service"])
            said.text = "; ".join(came)
            self.wish.check()

    def _probe_postfix(self) -> str:
        if not self.entry.document["running"]:
            return "nobody to ask: Postfix does not run"
        found = revive.trouble(self.entry.document, self.log)
        if found:
            raise Stop("rolled back", "Postfix is not well with it: " + "; ".join(found))
        asked = len(self.request["probes"])
        return "%d of %d answer" % (asked - len(self.entry.document["unwell"]), asked)

    def _finish(self) -> "Dict[str, Any]":
        with self.teller.telling("finish") as said:
            within = self.request["confirm_within"]
            if within is not None:
                until = time.time() + within
                self.entry.note(phase=room.AWAITING, until=until)
                if self.guard is not None and not self.guard.there:
                    self.guard = guard.Guard(self.entry, SLACK, [self.lock.fd])
                said.text = "waits to be confirmed until " + time.strftime("%H:%M:%S", time.localtime(until))
                return {"outcome": "awaiting", "text": said.text, "left": within}
            idle = [
                care["service"]
                for care in self.entry.document["care"]
                if care["expected"] and not care["runs"]
            ]
            idle += ["Postfix"] if self.postfix and not self.entry.document["running"] else []
            text = "Applied%s." % "".join("; %s does not run" % name for name in idle)
            text += "".join(_by_hand(care) for care in self.entry.document["care"])
            state = {"outcome": "applied", "text": text, "at": time.time()}
            self.entry.note(**state)
            for file in self.entry.document["files"]:
                files.tidy(self.entry.id, file)
            return state

    # -- inside ----------------------------------------------------------------------------------------------

    def _stopped(self) -> str:
        return "it was stopped" if self.wish.cancelled() else ""

    def _known(self) -> "Dict[str, Any]":
        """What every file was that the plan was made from, None where there was none."""
        known: "Dict[str, Any]" = dict(self.request["relied_on"])
        known.update((edit["path"], edit["before"]) for edit in self.request["edits"])
        return known

    def _unchanged(self) -> None:
        for path, known in self._known().items():
            now = files.read(path)
            if not files.same(path, now, known):
                theirs = None if now is None else base64.b64encode(now).decode("ascii")
                raise Stop("changed", "%s was changed meanwhile" % path, versions={path: theirs})

    def _by(self, path: str) -> str:
        """Who has changed a file, if our history knows, and when."""
        try:
            now, info = files.read(path), os.stat(path)
        except OSError:
            return ""
        if now is None:
            return ": it is gone"
        for entry in reversed(self.room.entries()):
            for file in entry.document["files"]:
                if file["path"] == path:
                    if file["after"] == files.digest(now) and entry.state().get("outcome") == "applied":
                        when = time.strftime("%H:%M:%S", time.localtime(entry.document["at"]))
                        return " by %s (%s, entry %s)" % (entry.document["who"], when, entry.id)
                    break
        return " by hand, or another program, at " + time.strftime("%H:%M:%S", time.localtime(info.st_mtime))


def _sentence(text: str) -> str:
    """Words as a sentence. What begins with a name (a file, a daemon) is one already."""
    return text.rstrip(".") + "."


def _by_hand(care: "Dict[str, Any]") -> str:
    """What a person has to do for a daemon that nobody else can tell."""
    return " By hand: %s." % care["words"].rstrip(".") if care["words"] and care["runs"] else ""


def _bytes(text: "Optional[str]") -> "Optional[bytes]":
    return None if text is None else base64.b64decode(text)
