"""Changes that were made on a page and not yet applied. One that returns to what it was is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mtatui.settings.current import Reading


class Staged(Mapping[str, Any]):
    """New values by setting key, over a reading. They survive a newer reading: nothing typed is lost."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._values: dict[str, Any] = {}
        self._were: dict[str, Any] = {}
        """What the settings that are staged were when they were read last."""

    def stage(self, key: str, value: Any) -> None:
        """Have a setting become a value; what it already is, is no change."""
        if key not in self.reading.current:
            self._values[key] = value
            return
        self._were[key] = self.reading.current[key].value
        if value == self._were[key]:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def reset(self, key: str) -> None:
        """Forget the change of one setting."""
        self._values.pop(key, None)

    def clear(self) -> None:
        """Forget all changes."""
        self._values.clear()

    def value(self, key: str) -> Any:
        """What the setting would be: as staged, else as it is; None for one that was not read."""
        if key in self._values:
            return self._values[key]
        return self.reading.current[key].value if key in self.reading.current else None

    def rebase(self, reading: Reading) -> tuple[str, ...]:
        """Stand on a newer reading. What was not read in it is taken to be as it was.

        Returns:
            The keys that somebody else has changed meanwhile, and that are staged here to another value.
        """
        self.reading = reading
        moved = []
        for key, value in tuple(self._values.items()):
            known, before = key in self._were, self._were.get(key)
            self.stage(key, value)
            if known and key in self._values and before != self._were[key]:
                moved.append(key)
        return tuple(moved)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
