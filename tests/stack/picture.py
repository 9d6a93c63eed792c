"""The queue as deltas tell it, kept in the plainest way; and the index, which must come to the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mtatui.backends.host_local import LocalHost
from mtatui.queue.delta import Counts, Done, Gone, Moved, Problem, Rows
from mtatui.queue.index import Index
from mtatui.queue.message import Row, State
from tests.stack.postfix import PostfixInstance

if TYPE_CHECKING:
    from mtatui.live import Feed


class Picture:
    """Rows by queue ID, changed by the deltas of a feed; and what else the last scan said."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rows: dict[str, Row] = {}
        self.index = Index()
        self.problems: list[Problem] = []
        self.counts: dict[State, int] = {}

    def scan(self, thorough: bool = False) -> Counter[str]:
        """Look once; how many IDs came new or changed ("rows"), moved ("moved") and went ("gone")."""
        heard: Counter[str] = Counter()
        self.problems, ended = [], False
        for delta in self._feed.scan(thorough):
            assert not ended, f"{delta} after the end of the scan"
            self.index.apply(delta)
            match delta:
                case Rows(rows):
                    heard["rows"] += len(rows)
                    self._rows.update((row[0], row) for row in rows)
                case Moved(state, ids):
                    heard["moved"] += len(ids)
                    for id in ids:
                        self._rows[id] = [id, state.value, *self._rows[id][2:]]
                case Gone(ids):
                    heard["gone"] += len(ids)
                    for id in ids:
                        self._rows.pop(id, None)  # it may have gone before it was read
                case Problem():
                    self.problems.append(delta)
                case Done(_, _, counts):
                    self.counts, ended = counts, True
                case Counts():
                    pass
        assert ended, "a scan ends with Done"
        return heard

    @property
    def rows(self) -> list[Row]:
        """All messages."""
        return list(self._rows.values())

    def row(self, id: str) -> Row:
        """One message."""
        return self._rows[id]


class UserHost(LocalHost):
    """This machine as an ordinary user sees it, for whom the instance is the machine's own Postfix."""

    def __init__(self, instance: PostfixInstance, user: str = "nobody") -> None:
        super().__init__()
        self.superuser = False
        self._instance = instance
        self._user = user

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command, as that user."""
        return self._instance.as_user(argv, self._user)
