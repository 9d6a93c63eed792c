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

    def stage(self, key: str, value: Any) -> None:
        """Have a setting become a value; what it already is, is no change."""
        if value == self.reading.current[key].value:
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
        """What the setting would be: as staged, else as it is."""
        return self._values[key] if key in self._values else self.reading.current[key].value

    def rebase(self, reading: Reading) -> tuple[str, ...]:
        """Stand on a newer reading.

        Returns:
            The keys that somebody else has changed meanwhile, and that are staged here to another value.
        """
        before, self.reading = self.reading, reading
        moved = []
        for key, value in tuple(self._values.items()):
            self.stage(key, value)
            if key in self._values and before.current[key].value != reading.current[key].value:
                moved.append(key)
        return tuple(moved)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
