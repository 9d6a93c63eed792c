"""One verb on its way over its frozen targets: its receipts, what postsuper was given and said."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from mtatui.backends.child import Found, Hands
from mtatui.backends.host import Completed
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Outcome, Receipt, Result, Selection
from mtatui.text import clean
from mtatui.verbs import BOUNCE, DELETE, HOLD, RELEASE, REQUEUE, RESTORE, Verb

T = TypeVar("T")

#: Messages that are looked at in one go.
BATCH = 500
#: Seconds between two words of progress.
TICK = 0.1
#: Warnings of postsuper that are passed on.
WARNINGS = 20

#: What is called with how many are done, of how many, and what is going on.
Progress = Callable[[int, int, str], None]

_STILL = {
    State.HOLD: "it is on hold",
    State.CORRUPT: "it is in the corrupt directory",
    State.MAILDROP: "it is in maildrop",
    **{state: f"it is still {state}" for state in (State.ACTIVE, State.DEFERRED, State.INCOMING)},
}

IN_MAILDROP = "still in maildrop: pickup(8) takes it in first (a flush wakes it)"
UNREADABLE = "corrupt: Postfix cannot read it; hold, release, requeue or delete it"
_UNDER_WAY = "; a delivery already under way is not stopped"
_RENAMED = "; it has a new queue ID: {}"

#: postsuper's own words (postsuper.c, Postfix 2.0 to 3.11): one line for each message, a total at the end.
_SAID = re.compile(
    rb"postsuper: ([A-Za-z0-9]{5,}): (?:removed|placed on hold|released from hold|requeued|expired)\s*$"
)
_TOTAL = re.compile(
    rb"postsuper: (?:Deleted|Placed on hold|Released from hold|Requeued|Force-expired): \d+ messages?"
)
_TROUBLE = re.compile(rb"postsuper: (?:warning|error|fatal|panic): ")


def silent(done: int, total: int, what: str) -> None:
    """No progress is told."""


class Run:
    """One verb on its way."""

    def __init__(
        self, verb: Verb, selection: Selection, progress: Progress, cancel: asyncio.Event, at_once: int = 0
    ) -> None:
        """Nothing is begun yet; ``at_once`` messages are looked at in one go, 0 for what is usual."""
        self.verb = verb
        self.at_once = at_once
        self.targets = {target.identity.id: target for target in selection.targets}
        self.outcome = Outcome(verb.id, time.time())
        self.cancel = cancel
        self.receipts: dict[str, Receipt] = {}
        self.did: list[str] = []
        self.states: dict[str, State] = {}
        """Where the messages were when they were looked at."""
        self.names: dict[str, str] = {}
        """The queue IDs of those that were given another one."""
        self.fed: dict[str, str] = {}
        """What postsuper was given, in that order: the queue ID, and that of the target."""
        self.said: set[str] = set()
        self.answered = asyncio.Event()
        """postsuper has said something since this was last cleared."""
        self.ended_well = False
        self._started = time.monotonic()
        self._progress = progress
        self._next_tick = 0.0
        self._thread = threading.get_ident()

    # -- receipts --------------------------------------------------------------------------------------------

    def done(self, id: str, text: str = "") -> None:
        """We did it."""
        self.did.append(id)
        self._receipt(id, Result.DONE, text or self.verb.done)

    def accomplished(self, id: str) -> None:
        """We did it; the receipt says what there is to know of a message in the state that it was in."""
        self.done(id, self.verb.done + _aside(self.verb, self.states[id]))

    def already(self, id: str, text: str) -> None:
        """It is as it was wanted, without us."""
        self._receipt(id, Result.DONE, text)

    def gone(self, id: str, text: str = "not in the queue any more") -> None:
        """There was nothing left to do it to."""
        self._receipt(id, Result.GONE, text)

    def failed(self, id: str, text: str) -> None:
        """It was not done."""
        self._receipt(id, Result.FAILED, text)

    def same(self, id: str, found: Found | str | None) -> Found | None:
        """Whether what was found is what the verb is aimed at; if not, the receipt says so."""
        if found is None:
            self.gone(id)
        elif isinstance(found, str):
            self.failed(id, found)
        elif different := difference(self.targets[id].identity, found.identity):
            self._receipt(id, Result.CHANGED, f"another message has this ID now: {different}")
        else:
            return found
        return None

    def _receipt(self, id: str, result: Result, text: str) -> None:
        became = self.names.get(id, "")
        self.receipts[id] = Receipt(id, result, text + _RENAMED.format(became) if became else text, became)
        self.tick()

    # -- going on --------------------------------------------------------------------------------------------

    def batches(self) -> Iterator[list[tuple[str, State]]]:
        """The targets, so many at a time, until the user cancels: ID, and where it was when it was chosen."""
        everyone = [(id, target.state) for id, target in self.targets.items()]
        for batch in in_batches(everyone, self.at_once):
            if self.cancel.is_set():
                self.outcome.cancelled = True
                return
            yield batch

    def hear(self, line: bytes) -> None:
        """A line of postsuper."""
        if match := _SAID.match(line):
            self.said.add(match[1].decode())
            self.answered.set()
            self.tick()
        elif _TOTAL.match(line):
            self.ended_well = True
        elif _TROUBLE.match(line) and len(self.outcome.notes) < WARNINGS:
            self.outcome.notes.append(clean(line.decode("utf-8", "replace")))

    def tick(self) -> None:
        """Tell how far it is, not too often, and only from the thread that the verb was called in."""
        now = time.monotonic()
        if now >= self._next_tick and threading.get_ident() == self._thread:
            self._next_tick = now + TICK
            done = min(len(self.receipts) + len(self.said), len(self.targets))
            self._progress(done, len(self.targets), self.verb.label)

    def not_known(self, why: str) -> bool:
        """Whether there are messages of which nobody knows what came, since nobody could look any more."""
        unknown = [id for id in self.fed.values() if id not in self.receipts]
        for id in unknown:
            self.failed(id, f"it is not known what came of it: {why}")
        return bool(unknown)

    def finish(self, why: str = "") -> Outcome:
        """The whole story; whoever has no receipt yet was not reached, for the reason given."""
        why = why or ("cancelled before its turn" if self.outcome.cancelled else "its turn never came")
        for id in self.targets:
            if id not in self.receipts:
                self.failed(id, f"not done: {why}")
        self.outcome.receipts = [self.receipts[id] for id in self.targets]
        self.outcome.cost = time.monotonic() - self._started
        self._progress(len(self.targets), len(self.targets), self.verb.label)
        return self.outcome

    def told(self) -> str:
        """The receipts in a few words: "4,211 deleted, 5,789 still queued"."""
        texts = Counter(receipt.gist for receipt in self.receipts.values())
        return ", ".join(f"{number:,} {text}" for text, number in texts.most_common())


def settled(run: Run, id: str, found: Found) -> bool:
    """Whether there is nothing to do to this message, or nothing that can be done; the receipt says which."""
    verb, state = run.verb, found.state
    if state is State.CORRUPT and verb is BOUNCE:
        run.failed(id, UNREADABLE)
    elif state is State.MAILDROP and verb is not DELETE:
        run.failed(id, IN_MAILDROP)
    elif verb is HOLD and state is State.HOLD:
        run.already(id, "was already on hold")
    elif verb is RELEASE and state not in (State.HOLD, State.CORRUPT):
        run.already(id, f"was not on hold ({state})")
    elif verb is BOUNCE and found.expiring and state is not State.HOLD:
        run.already(id, "was already to be returned to the sender")
    elif verb is REQUEUE and found.owes and state is not State.ACTIVE:
        # The bounce log stays with the old queue ID, and nobody would ever look at it again.
        run.failed(id, "its sender has not been told yet of a refusal: release it first, or deliver it now")
    else:
        return False
    return True


def conclude(run: Run, id: str, answer: Found | str | None) -> None:
    """The receipt of a message of which postsuper said nothing, by where it is now."""
    if answer is None:
        run.gone(id, "left the queue meanwhile (delivered, returned or deleted)")
        return
    found = run.same(id, answer)
    if found is None:
        return
    held = found.state is State.HOLD
    done = {
        HOLD: held,
        RELEASE: not held,
        BOUNCE: found.expiring and not held,
        REQUEUE: found.state is State.MAILDROP,
        RESTORE: True,
    }
    if done.get(run.verb):
        run.done(id)
    else:
        run.failed(id, f"not done: {_STILL[found.state]}")


def reconcile(run: Run, hands: Hands, batch: list[tuple[str, State]], meant: dict[str, str]) -> None:
    """Receipts for a verb that was interrupted, by where its targets are now; it blocks.

    Args:
        meant: the queue IDs that those were to have which are taken out of deliveries.
    """
    _recognise(run, hands, {id: meant[id] for id, _ in batch if id in meant})
    named = [(run.names.get(id, id), state) for id, state in batch]
    trashed = hands.identify([(name, State.TRASH) for name, _ in named])
    both = []
    for (id, _), found, copy in zip(batch, hands.identify(named), trashed, strict=True):
        in_trash = isinstance(copy, Found) and not difference(run.targets[id].identity, copy.identity)
        if found is None and in_trash and run.verb is DELETE:
            run.done(id, "deleted (in the trash)")
        elif found is None and in_trash:
            run.failed(id, "not done: it is in the trash")
        else:
            conclude(run, id, found)
            if in_trash:
                both.append(run.names.get(id, id))
    hands.each("drop", both)


def _recognise(run: Run, hands: Hands, meant: dict[str, str]) -> None:
    """Find out which messages have got their new queue IDs, and see to their logs."""
    for state in (State.HOLD, State.TRASH):
        looked = hands.identify([(new, state) for new in meant.values()])
        for (id, new), found in zip(meant.items(), looked, strict=True):
            if isinstance(found, Found) and not difference(run.targets[id].identity, found.identity):
                run.names[id] = new
    hands.ask("follow", [[id, new] for id, new in meant.items() if id in run.names])


def _aside(verb: Verb, was: State) -> str:
    """What a receipt adds for a message that was in this state."""
    if was is State.ACTIVE:
        return _UNDER_WAY
    if was is State.CORRUPT:
        return ", out of the corrupt directory"
    if verb is BOUNCE and was is State.HOLD:
        return ", and released from hold"
    return ""


def in_batches(items: list[T], size: int = 0) -> Iterator[list[T]]:
    """The items, so many at a time; 0: as many as are looked at in one go."""
    size = size or BATCH
    for start in range(0, len(items), size):
        yield items[start : start + size]


def difference(was: Identity, now: Identity) -> str:
    """In what a message is not the one that was chosen; "" if it is. What was chosen has been cleaned."""
    if was.arrival != now.arrival:
        return "it arrived at another time"
    if was.size != now.size:
        return f"it has {now.size} bytes, not {was.size}"
    if was.sender != clean(now.sender) and was.sender != now.sender:
        return f"it is from {clean(now.sender) or 'nobody'}, not from {was.sender or 'nobody'}"
    return ""


def why_it_ended(done: Completed) -> str:
    """What to tell when postsuper did not come to its end."""
    last = done.errors.rpartition("\n")[2]
    why = f"postsuper ended before its work did (exit code {done.returncode}): {last}"
    if "open logfile" in last:
        why += ". While Postfix is stopped, its tools cannot write maillog_file: start Postfix"
    return why
