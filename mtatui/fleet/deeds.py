"""What is done to the queues of several servers, and taken back: one deed, however many journals tell of it.

All of them call it by the same name (`mtatui.backends.journal.new_entry`), so that it can be taken back as
one, by whom and whenever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError, NotPermitted
from mtatui.backends.journal import UNDO, Entry, new_entry
from mtatui.fleet.together import PATIENCE, Do, Progress, Together, Told, add, failed, make_room, shares
from mtatui.fleet.together import together_failed as all_failed
from mtatui.queue.message import State, key
from mtatui.queue.selection import Outcome, Result, Selection
from mtatui.verbs import VERBS, Verb

if TYPE_CHECKING:
    from mtatui.fleet import Fleet
    from mtatui.server import Server

#: Seconds after which a server is left out when all are asked what can be taken back, as somebody waits for
#: it; and when they are asked what was interrupted.
ASKED, LOOKING = 4.0, 15.0


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, as the journals of the servers tell it (``entries``, by their names)."""

    entries: Mapping[str, Entry]
    silent: tuple[str, ...] = ()
    """Servers that could not be asked: it may have been done there, too."""

    @property
    def first(self) -> Entry:
        """One of the entries: who, what and how chosen are the same in all."""
        return next(iter(self.entries.values()))

    @property
    def id(self) -> str:
        """What the journals call it."""
        return self.first.id

    @property
    def at(self) -> float:
        """When (epoch seconds)."""
        return self.first.at

    @property
    def who(self) -> str:
        """Who did it."""
        return self.first.who

    @property
    def verb(self) -> str:
        """The id of the verb."""
        return self.first.verb

    @property
    def chosen_by(self) -> str:
        """How the messages were chosen, in the user's words."""
        return self.first.chosen_by

    @property
    def did(self) -> frozenset[str]:
        """The keys of the messages that it really changed."""
        return frozenset(key(name, id) for name, entry in self.entries.items() for id in entry.did)

    def states(self) -> dict[State, int]:
        """In what states those messages were: how many in each."""
        found: dict[State, int] = {}
        for entry in self.entries.values():
            for target in entry.selection.targets:
                if target.identity.id in entry.did:
                    found[target.state] = found.get(target.state, 0) + 1
        return found


async def act(
    fleet: Fleet,
    verb: Verb,
    selection: Selection,
    *,
    progress: Progress,
    cancel: asyncio.Event | None,
    told: Told,
) -> Outcome:
    """Do a verb on the servers of these messages; see `Fleet.act`."""
    if "" in fleet.names:
        with _doubted(fleet, [""]):
            outcome = await fleet.server("").act(verb, selection, progress=progress, cancel=cancel)
        _doubt(fleet, "", outcome)
        return outcome
    entry = new_entry(time.time())
    parts: dict[Server, Selection] = {}
    lost: dict[str, Outcome] = {}
    for name, share in shares(selection).items():
        try:
            parts[fleet.server(name)] = share
        except HostError as error:
            lost[name] = failed(verb.id, time.time(), share, f"not done: {error}")

    async def do(server: Server, share: Selection, heard: Progress, stop: asyncio.Event) -> Outcome:
        await server.reached()
        if server.host.limits:  # the verb would say that it needs root, and root would not help
            raise NotPermitted(f"{server.host.limits}.")
        return await server.act(verb, share, progress=heard, cancel=stop, entry=entry)

    outcome = await _together(fleet, verb, verb.label, parts, do, progress, cancel, told)
    for name, one in lost.items():
        add(outcome, name, one)
    receipts = {receipt.id: receipt for receipt in outcome.receipts}
    outcome.receipts = [receipts[target.identity.id] for target in selection.targets]
    return outcome


async def _together(
    fleet: Fleet,
    verb: Verb,
    label: str,
    parts: Mapping[Server, Selection],
    do: Do,
    progress: Progress,
    cancel: asyncio.Event | None,
    told: Told,
) -> Outcome:
    make_room(len(fleet.names))

    def late(name: str, outcome: Outcome) -> None:
        fleet.late.append(_of(name, outcome))
        fleet.settled.discard(name)

    together = Together(verb.id, label, progress, cancel or asyncio.Event(), told, late)
    with _doubted(fleet, [server.part_name for server in parts]):
        outcome = await together.run(parts, do, patience=fleet.patience or PATIENCE)
    for name, part in outcome.parts.items():
        _doubt(fleet, name, part)
    return outcome


@contextmanager
def _doubted(fleet: Fleet, names: Iterable[str]) -> Iterator[None]:
    """Have it found out what came of what is done in here, should it not come to its end."""
    try:
        yield
    except BaseException:
        fleet.settled.difference_update(names)
        raise


def _doubt(fleet: Fleet, name: str, outcome: Outcome) -> None:
    """Where something was not done, it may not be known what was."""
    if any(receipt.result is Result.FAILED for receipt in outcome.receipts):
        fleet.settled.discard(name)


async def last_undoable(fleet: Fleet) -> Deed | None:
    """The last thing that can be taken back; see `Fleet.last_undoable`."""

    async def look(server: Server) -> Entry | None:
        await server.reached()
        return await asyncio.to_thread(server.journal.last_undoable)

    mine = [s.part_name for s in fleet.servers if s.host.superuser and not s.host.read_only]
    answers = await fleet.each(look, mine, patience=ASKED if fleet.many else None)
    errors = {name: error for name, error in answers.items() if isinstance(error, HostError)}
    if errors and len(errors) == len(answers):
        raise errors[""] if "" in errors else all_failed(errors)
    found = {name: entry for name, entry in answers.items() if isinstance(entry, Entry)}
    if not found:
        return None
    last = max(found.values(), key=lambda entry: entry.at)
    return Deed({name: entry for name, entry in found.items() if entry.id == last.id}, tuple(errors))


async def undo(
    fleet: Fleet, deed: Deed | None, *, progress: Progress, cancel: asyncio.Event | None, told: Told
) -> Outcome:
    """Take something back; see `Fleet.undo`."""
    deed = deed or await last_undoable(fleet)
    if deed is None:
        raise HostError("There is nothing to undo.")
    if "" in deed.entries:
        server = fleet.server("")
        await server.reached()
        return await server.actor.undo(deed.entries[""], progress=progress, cancel=cancel)
    entries = {fleet.server(name): entry for name, entry in deed.entries.items()}
    name = new_entry(time.time())

    async def do(server: Server, share: Selection, heard: Progress, stop: asyncio.Event) -> Outcome:
        await server.reached()
        try:
            return await server.actor.undo(entries[server], progress=heard, cancel=stop, name=name)
        finally:
            server.rescan()

    verb = VERBS[UNDO.get(deed.verb, "restore")]
    parts = {server: _changed(entry) for server, entry in entries.items()}
    return await _together(fleet, verb, "Taking back", parts, do, progress, cancel, told)


def _changed(entry: Entry) -> Selection:
    """What an entry of a journal really changed."""
    targets = tuple(target for target in entry.selection.targets if target.identity.id in entry.did)
    return replace(entry.selection, targets=targets)


async def settle(fleet: Fleet, settled: set[str]) -> list[Outcome]:
    """Find out what came of what was interrupted; see `Fleet.settle`.

    Args:
        settled: the servers that were asked since they were opened; kept here.
    """
    answering = {s.part_name for s in fleet.servers if s.live is None or fleet.condition(s.part_name).answers}
    settled &= answering
    due = answering - settled
    answers = await fleet.each(lambda server: server.settle(), due, patience=LOOKING)
    outcomes: list[Outcome] = []
    for name, told in answers.items():
        if isinstance(told, HostError) and name:
            continue  # it is asked again
        settled.add(name)
        if isinstance(told, HostError):
            raise told
        outcomes += told if not name else [_of(name, outcome) for outcome in told]
    return outcomes


def _of(name: str, outcome: Outcome) -> Outcome:
    """An outcome as one server told it, with keys for its queue IDs."""
    whole = Outcome(outcome.verb, outcome.at, cost=outcome.cost)
    add(whole, name, outcome)
    return whole
