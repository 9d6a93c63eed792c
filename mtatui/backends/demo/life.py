"""The demo's mail system: it writes the queue of the bad day, and then lives on, gently, until nobody looks.

A program of its own (see ``__main__.py``), the child of `DemoHost`. It says "ready" on standard output when
the queue is there. Then mail comes in, is delivered or put off for the same reasons as before; who greylists
lets it through after five minutes; what is held stays; what was flushed, made to expire or requeued is seen
to. There are busy minutes and quiet ones, a few events a second at most. At the end of standard input (the
parent is gone, in whatever way) it removes all that it has made. Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import select
import sys
import time
from dataclasses import dataclass, field

from mtatui.backends.demo import badday, daemons, etc, filters, letter, smtpd, texts
from mtatui.backends.demo.letter import Letter, Waiting
from mtatui.backends.demo.maillog import Log, history
from mtatui.backends.demo.spool import Broken, Spool
from mtatui.backends.demo.writer import Draft, To, make_spool, write

#: Seconds between two looks.
BEAT = 0.5
#: Seconds between two looks at all deferred mail, where nobody wakes us.
ROUND = 10.0
#: How many deferred messages are taken up in a beat, and how many may be under way; when flushed, far more.
GENTLE, HURRIED = (2, 12), (25, 80)
GREYLISTED_FOR = 300.0
LIFETIME = 5 * 86400.0

#: The chance that a message gets through at last, by a word in the reason; the first that fits counts.
_HOPE = (
    ("reylist", 1.0),
    ("quota", 0.01),
    ("storage space", 0.01),
    ("rate", 0.25),
    ("Too many", 0.4),
    ("kaput", 0.0),
)
_SOME_HOPE = 0.04


def main(arguments: list[str]) -> int:
    """Make a demo in the directory named, live in it, and remove it."""
    [home] = arguments
    alive = lock_alive(home)
    try:
        now = time.time()
        life = Life(Spool(home), texts.dice())
        try:
            sockets = smtpd.listen(etc.SERVICES)
            beside = smtpd.listen(filters.SERVICES)
            ports = {name: s.getsockname()[1] for name, s in {**sockets, **beside}.items()}
            directory = etc.make(home, ports)
            filters.make(home, ports)
            beside["clamd"] = daemons.clamd(f"{home}/run/clamd.ctl")
            messages = life.begin(now)
            master = run_as_master(life.spool.path)
            daemon = smtpd.Smtpd(life.spool, directory)
        except OSError as error:
            print(f"failed {error.strerror}: {error.filename or home}", flush=True)
            return 1
        print("ready", flush=True)
        daemon.serve([*sockets.values()])
        daemons.serve(beside)
        history(life.spool, messages)
        while not _parent_gone(BEAT):
            life.beat(time.time())
    finally:
        import shutil  # not at the top: somebody waits for the queue

        shutil.rmtree(home, ignore_errors=True)
        os.close(alive)
    os.close(master)
    return 0


def lock_alive(home: str) -> int:
    """Show that somebody lives here: a lock that dies with us. It is there, locked, or not there."""
    fd = os.open(f"{home}/alive.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.rename(f"{home}/alive.new", f"{home}/alive")
    return fd


def run_as_master(spool: str) -> int:
    """Show that Postfix runs, as master(8) does: its process id, in a file that it keeps locked."""
    fd = os.open(f"{spool}/pid/master.pid", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(fd, b"%10d\n" % os.getpid())
    return fd


def _parent_gone(seconds: float) -> bool:
    """Wait; True when standard input is at its end."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and not os.read(sys.stdin.fileno(), 4096)


@dataclass(slots=True)
class Life:
    """The daemons of the demo in one: pickup(8), qmgr(8), smtp(8), bounce(8)."""

    spool: Spool
    rng: random.Random
    log: Log = field(init=False)
    landing: dict[str, float] = field(default_factory=dict)
    """When each active message will have been tried."""
    reasons: dict[str, Letter] = field(default_factory=dict)
    """Active messages as they were when they were taken up: meanwhile their logs are gone (qmgr(8))."""
    due: list[tuple[float, str]] = field(default_factory=list)
    looked: float = 0.0
    woken: float = 0.0
    hurry_until: float = 0.0
    next_arrival: float = 0.0
    quiet_until: float = 0.0
    mood_until: float = 0.0

    def __post_init__(self) -> None:
        self.log = Log(self.spool)

    def begin(self, now: float) -> list[tuple[str, Draft]]:
        """Write the queue of the bad day; its messages with their IDs.

        Raises:
            OSError: there is no room for it.
        """
        make_spool(self.spool.path)
        self.spool.wake()
        self.woken = os.stat(self.spool.wake_file).st_mtime
        return [(write(self.spool.path, draft), draft) for draft in badday.messages(now)]

    def beat(self, now: float) -> None:
        """Do what is to be done now."""
        with self.spool.locked():
            self._look(now)
            self._arrive(now)
            self._pick_up(now)
            self._take_in(now)
            self._take_up(now)
            self._land(now)

    # --- what comes in --------------------------------------------------------------------------------

    def _arrive(self, now: float) -> None:
        """New mail, every few seconds in busy minutes, rarely in quiet ones."""
        if now > self.mood_until:
            busy = self.rng.uniform(40, 150)
            self.quiet_until = now + self.rng.uniform(15, 45)
            self.mood_until = self.quiet_until + busy
        if now < self.next_arrival:
            return
        pause = 30.0 if now < self.quiet_until else 5.0
        if self.next_arrival:
            draft = badday.fresh(self.rng, now)
            self.log.arrived(write(self.spool.path, draft), draft)
        self.next_arrival = now + self.rng.expovariate(1 / pause) + 0.3

    def _pick_up(self, now: float) -> None:
        """What lies in maildrop gets a new file and a new queue ID (pickup(8), cleanup(8))."""
        for id, path in self.spool.ids("maildrop")[:40]:
            if now - os.stat(path).st_mtime < BEAT:
                continue
            found = self._read(id, path)
            if found is not None:
                if found.waiting:
                    self.log.picked_up(write(self.spool.path, found.draft), id, found.draft)
                found.remove(self.spool)

    def _take_in(self, now: float) -> None:
        """Incoming mail becomes active."""
        for id, path in self.spool.ids("incoming"):
            with contextlib.suppress(FileNotFoundError):  # it may be held or deleted meanwhile
                if now - os.stat(path).st_mtime >= BEAT:
                    self._activate(id, path, now)

    # --- what waits -----------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Find out which deferred messages are due, now and then or when woken."""
        woken = os.stat(self.spool.wake_file).st_mtime
        if woken > self.woken:
            self.woken, self.looked = woken, 0.0
        if now - self.looked < ROUND:
            return
        self.looked = now
        self.due = sorted(
            (moment, id)
            for id, path in self.spool.ids("deferred")
            if (moment := os.stat(path).st_mtime) <= now
        )
        if len(self.due) > 100:
            self.hurry_until = now + 60

    def _take_up(self, now: float) -> None:
        """Some of the deferred messages that are due become active."""
        a_beat, at_once = HURRIED if now < self.hurry_until else GENTLE
        for _ in range(min(a_beat, len(self.due), max(0, at_once - len(self.landing)))):
            _, id = self.due.pop(0)
            found = self.spool.find(id, ["deferred"])
            if found and os.stat(found[1]).st_mtime <= now:
                self._activate(id, found[1], now)

    def _activate(self, id: str, path: str, now: float) -> None:
        found = self._read(id, path)
        if found is None:
            return
        self.reasons[id] = found
        self.spool.remove_logs(id)
        found.path = self.spool.move(path, "active", id)
        self.log.active(id, found.draft)
        slow = any("timed out" in to.reason or "suspended" in to.reason for to in found.waiting)
        hurried = now < self.hurry_until
        self.landing[id] = now + self.rng.uniform(0.3, 1) * (1 if hurried else 12 if slow else 3)

    def _read(self, id: str, path: str) -> Letter | None:
        """The message, None where it is none: that one goes to the corrupt, as qmgr(8) does it."""
        try:
            return letter.read(self.spool, id, path)
        except (Broken, ValueError):
            os.chmod(path, 0o400)
            self.spool.move(path, "corrupt", id)
            return None

    # --- what is tried --------------------------------------------------------------------------------

    def _land(self, now: float) -> None:
        """Active messages whose time has come are delivered, returned, or put off."""
        here = dict(self.spool.ids("active"))
        for id in self.landing.keys() - here.keys():
            # Somebody has taken it away: held, requeued, deleted.
            del self.landing[id]
            self.reasons.pop(id, None)
        for id, path in here.items():
            if id not in self.landing:
                self.landing[id] = now + self.rng.uniform(2, 20)
            elif self.landing[id] <= now:
                del self.landing[id]
                found = self.reasons.pop(id, None) or self._read(id, path)
                if found is not None:
                    found.path = path
                    with contextlib.suppress(FileNotFoundError):  # taken out of its delivery meanwhile
                        self._try(found, now)

    def _try(self, found: Letter, now: float) -> None:
        if os.stat(found.path).st_mode & 0o010 or now - found.draft.arrival > LIFETIME:
            self._give_up(found, now)
            return
        served = [to for to in found.waiting if self._gets_through(to, found.draft, now)]
        found.served(served)
        for to in served:
            self.log.sent(found.id, to, found.draft, now)
        for to in found.waiting:
            self.log.deferred(found.id, to, found.draft, now)
        if found.waiting:
            found.defer(self.spool, badday.retry_time(self.rng, now, found.draft.arrival))
        else:
            found.remove(self.spool)
            self.log.removed(found.id)

    def _gets_through(self, to: Waiting, draft: Draft, now: float) -> bool:
        """Whether a recipient is served this time; if not, it knows why."""
        if to.reason:
            if "reylist" in to.reason and now - draft.arrival < GREYLISTED_FOR:
                return False
            hope = next((chance for word, chance in _HOPE if word in to.reason), _SOME_HOPE)
            return self.rng.random() < hope
        domain = to.address.rpartition("@")[2]
        if domain.endswith(badday.DEAD_DOMAIN):
            name = "timeout"
        elif domain.endswith(badday.GREY_DOMAIN):
            name = "greylisted"
        elif domain == texts.BIG_DOMAIN and self.rng.random() < 0.5:
            name = "rate-limited"
        elif self.rng.random() < 0.85:
            return True
        else:
            [reason] = self.rng.choices(texts.REASONS, texts.WEIGHTS)
            name = reason.name
        why = texts.BY_NAME[name]
        to.put_off(why.fill(self.rng, to.address, draft.sender), why.status)
        return False

    def _give_up(self, found: Letter, now: float) -> None:
        """Return a message to its sender; a notice that cannot be delivered is dropped."""
        for to in found.waiting:
            self.log.bounced(found.id, to, found.draft, now)
        if found.draft.sender:
            reasons = "\n".join(f"<{to.address}>: {to.reason or 'forced to expire'}" for to in found.waiting)
            notice = badday.notice(found.draft.sender, now, reasons)
            notice.recipients = [To(found.draft.sender)]
            notice.state = "incoming"
            self.log.returned(found.id, write(self.spool.path, notice))
        found.remove(self.spool)
        self.log.removed(found.id)
