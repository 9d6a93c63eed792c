"""The journal of one server: what is about to be done is on its disk before it is done, then what came of it.

It lies in ``<queue_directory>/mtatui/journal`` for root only, shared by all admins, one JSON object a line:
an *intent* (who, when, verb, how chosen, which messages), later its *outcome* (what became of each). Whoever
changes the queue holds its lock meanwhile: an intent without an outcome was interrupted, unless the lock is
taken. Undo and history read the journal. Everything here blocks, but `working`: call it from a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import cached_property
from typing import Any

from mtatui.backends.child import PATIENCE as ANSWER_WITHIN
from mtatui.backends.child import Hands, Request, to_its_end
from mtatui.backends.host import HostError, NotPermitted, ReadOnly
from mtatui.queue.message import Identity, State
from mtatui.queue.selection import Outcome, Receipt, Result, Selection, Target
from mtatui.text import clean

#: How much of the journal is read, from its end (bytes).
MEMORY = 16 * 1024 * 1024
#: Seconds to wait for somebody else who is changing the queue.
PATIENCE = 5.0


class Entry:
    """One thing that was done, or begun. What is large in it is taken apart only when it is asked for."""

    def __init__(self, intent: dict[str, Any]) -> None:
        self.id: str = intent["entry"]
        self.at: float = intent["at"]
        """Epoch seconds, as all times."""
        self.who: str = intent["who"]
        self.verb: str = intent["verb"]
        self.chosen_by: str = intent["chosen_by"]
        self.undoes: str = intent["undoes"]
        """The entry that this one took back."""
        self.messages = len(intent["targets"])
        self.names: dict[str, str] = {}
        """The queue IDs that messages got when they were taken out of deliveries, by those they had."""
        self.interrupted = False
        """It never came to its end; the outcome is what was found afterwards."""
        self._intent = intent
        self._outcome: dict[str, Any] = {}

    def end(self, outcome: dict[str, Any]) -> None:
        """Take in the line that tells its outcome."""
        self._outcome = outcome
        self.names = outcome.get("names", {})
        self.interrupted = outcome["interrupted"]

    @property
    def finished(self) -> bool:
        """Whether its outcome is known."""
        return bool(self._outcome)

    @property
    def tally(self) -> dict[str, int]:
        """How many messages each text was told of: ``{"deleted": 4211}``."""
        return {
            text: ids.count(" ") + 1
            for texts in self._outcome.get("results", {}).values()
            for text, ids in texts.items()
        }

    @cached_property
    def selection(self) -> Selection:
        """What it was aimed at."""
        targets = tuple(
            Target(Identity(id, arrival, size, sender), State(state))
            for id, state, arrival, size, sender in self._intent["targets"]
        )
        return Selection(targets, self.chosen_by, self._intent["chosen_at"])

    @cached_property
    def did(self) -> frozenset[str]:
        """The IDs of the messages that it really changed: what an undo is about."""
        return frozenset(self._outcome.get("did", "").split())

    @cached_property
    def outcome(self) -> Outcome | None:
        """What came of it, with all receipts; None while nobody knows."""
        note = self._outcome
        if not note:
            return None
        receipts = [
            self._receipt(id, Result(result), text)
            for result, texts in note["results"].items()
            for text, ids in texts.items()
            for id in ids.split()
        ]
        told = (receipts, note["commands"], note["notes"], note["cancelled"], note["cost"], self.id)
        return Outcome(self.verb, note["at"], *told)

    def _receipt(self, id: str, result: Result, gist: str) -> Receipt:
        became = self.names.get(id, "")
        return Receipt(id, result, f"{gist}: {became}" if became else gist, became)


class Journal:
    """The journal of one server."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._turn = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def working(
        self, verb: str, *first: Request, patience: float = ANSWER_WITHIN
    ) -> AsyncIterator[Turn]:
        """Have the right to change the queue while inside: one at a time, of all who are at this server.

        Args:
            first: what to ask the hands as soon as it is ours, in the same breath; see `Hands.in_turn`.
            patience: seconds for all of that.

        Raises:
            HostError: somebody else has it, and does not seem to come to an end.
        """
        async with self._turn:
            deadline = time.monotonic() + PATIENCE
            me = f"{user()} ({verb} since {time.strftime('%H:%M:%S')})"
            while True:
                asked = to_its_end(self._hands.in_turn, ("lock", me), *first, patience=patience)
                holder, *answers = await asked
                if isinstance(holder, HostError):
                    raise holder
                if not holder:
                    break
                if time.monotonic() > deadline:
                    raise HostError(
                        f"Another mtatui is changing this queue: {clean(holder)}. Nothing was done; "
                        "try again when it has finished."
                    )
                await asyncio.sleep(0.1)
            turn = Turn(answers)
            try:
                yield turn
            except BaseException:
                turn.last = []
                raise
            finally:
                await self._leave(turn)

    async def _leave(self, turn: Turn) -> None:
        try:
            for answer in await to_its_end(self._hands.in_turn, *turn.last, ("unlock",)):
                if isinstance(answer, HostError):
                    raise answer
        except HostError as error:
            turn.late = error if turn.last else None
            with contextlib.suppress(HostError):  # if the hands have died, so has the lock
                await to_its_end(self._hands.ask, "unlock")

    def begin(self, verb: str, selection: Selection, undoes: str = "", entry: str = "") -> str:
        """Write down what is about to be done; its entry.

        Args:
            undoes: the entry that this takes back.
            entry: one of `new_entry`, where the same is done on other servers, too.

        Raises:
            HostError: it could not be written; do nothing then.
        """
        entry, note = self.intent(verb, selection, undoes, entry)
        try:
            self._hands.ask(*note)
        except HostError as error:
            raise not_begun(error) from error
        return entry

    def intent(
        self, verb: str, selection: Selection, undoes: str = "", entry: str = ""
    ) -> tuple[str, Request]:
        """The entry of what is about to be done, and what to ask the hands to have it written; as `begin`."""
        at = time.time()
        entry = entry or new_entry(at)
        return entry, _note(
            entry=entry,
            at=at,
            who=user(),
            verb=verb,
            chosen_by=selection.chosen_by,
            chosen_at=selection.at,
            undoes=undoes,
            targets=[
                [t.identity.id, t.state, t.identity.arrival, t.identity.size, t.identity.sender]
                for t in selection.targets
            ],
        )

    def renaming(self, entry: str, names: Mapping[str, str]) -> Request:
        """What to ask the hands to have written which new queue IDs some messages are about to get; where it
        cannot be written, none may."""
        return _note(names_of=entry, names=dict(names))

    def end(self, outcome: Outcome, did: Iterable[str], *, interrupted: bool = False) -> None:
        """Write down what came of an entry (``outcome.entry``), and which messages it really changed."""
        self._hands.ask(*self.told(outcome, did, interrupted=interrupted))

    def told(self, outcome: Outcome, did: Iterable[str], *, interrupted: bool = False) -> Request:
        """What to ask the hands to have written what came of an entry; as `end`."""
        results: dict[str, dict[str, list[str]]] = {}
        for receipt in outcome.receipts:
            results.setdefault(receipt.result, {}).setdefault(receipt.gist, []).append(receipt.id)
        return _note(
            outcome_of=outcome.entry,
            at=outcome.at,
            cost=round(outcome.cost, 3),
            cancelled=outcome.cancelled,
            interrupted=interrupted,
            results={r: {text: " ".join(ids) for text, ids in texts.items()} for r, texts in results.items()},
            did=" ".join(did),
            names={receipt.id: receipt.became for receipt in outcome.receipts if receipt.became},
            commands=outcome.commands,
            notes=outcome.notes,
        )

    def entries(self) -> list[Entry]:
        """What is remembered, the last first."""
        return _entries(self._hands.ask("notes", MEMORY))

    def unfinished(self, *, locked: bool = False) -> list[Entry]:
        """What was interrupted: begun, without an outcome, and nobody is at it any more.

        Args:
            locked: we have the queue's lock ourselves, so nobody can be.
        """
        begun = [entry for entry in self.entries() if not entry.finished]
        return begun[1:] if begun and not locked and self._hands.ask("busy") else begun

    def last_undoable(self) -> Entry | None:
        """The last entry that can be taken back and was not, nor took back another itself."""
        # It is looked for where the journal is, which is long.
        found = _entries(self._hands.ask("undoable", MEMORY, list(UNDO)))
        return found[0] if found else None


def _entries(lines: Iterable[str]) -> list[Entry]:
    """What lines of the journal tell, the last first."""
    entries: dict[str, Entry] = {}
    for line in lines:
        try:
            note = json.loads(line)
            if "entry" in note:
                entries[note["entry"]] = Entry(note)
            elif "names_of" in note:
                entries[note["names_of"]].names.update(note["names"])
            elif note["outcome_of"] in entries:  # else its intent is too long ago
                entries[note["outcome_of"]].end(note)
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # a line that was cut short, or not ours
    return sorted(entries.values(), key=lambda entry: -entry.at)


class Turn:
    """The right to change the queue, while it lasts."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        """Of what was asked first: the results, or the HostError that one ended with."""
        self.last: list[Request] = []
        """What to ask when it is given back, in the same breath."""
        self.late: HostError | None = None
        """Why that was not done."""


def not_begun(error: HostError) -> HostError:
    """What to tell when an intent could not be written: nothing is done then."""
    if isinstance(error, ReadOnly | NotPermitted):
        return error
    return HostError(
        f"{error} - the journal cannot be written, so nothing was done. "
        "If the disk is full: emptying the trash makes room."
    )


def _note(**note: Any) -> Request:
    return ("note", json.dumps(note, separators=(",", ":")))


#: What takes back what.
UNDO = {"delete": "restore", "hold": "release", "release": "hold"}


def new_entry(at: float) -> str:
    """A name for what is done at a time (epoch seconds). What is done on several servers at once bears one
    name in all their journals, and so can be taken back as one."""
    return time.strftime("%y%m%d-%H%M%S-", time.localtime(at)) + secrets.token_hex(2)


def user() -> str:
    """Who is at the keyboard: through sudo, the one who called it."""
    name = os.environ.get("SUDO_USER")
    if name:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
