"""Search across the settings of all pages: type a word, go there with enter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual import events
from textual.widgets import Input

from mtatui.screens.seeking import Fitting, SeekingScreen
from mtatui.settings.setting import Setting
from mtatui.text import fit
from mtatui.widgets.lines import Piece


class Found(Fitting[Setting]):
    """The settings in whose texts the words are."""

    NOTHING = "No setting speaks of that"

    def told(self, item: Setting) -> Iterable[Piece]:
        return (fit(item.label, 36), ""), (fit(item.page, 10), "dim"), (item.directive, "dim")


class Words(Input):
    """The words that are looked for. Enter is obeyed in its turn among the letters; keys after it are none of
    ours any more, and go where they belong."""

    def __init__(self, words: str) -> None:
        super().__init__(words, placeholder="a word: helo, relay, tls, spam …", select_on_focus=False)
        self._done = False

    def on_key(self, event: events.Key) -> None:
        """Before Textual's own handler, which would look for what enter is bound to when it is too late."""
        if self._done:
            self.app.post_message(events.Key(event.key, event.character))
        elif event.key == "enter":
            screen = self.screen
            assert isinstance(screen, FindScreen)
            self._done = screen.take()
        else:
            return
        event.stop()
        event.prevent_default()


class FindScreen(SeekingScreen[Setting, None]):
    """Goes to the setting that is chosen: before it closes, for the next key may be on its way."""

    SIGN = "/"

    def __init__(
        self, search: Callable[[str], Sequence[Setting]], go: Callable[[Setting], object], words: str = ""
    ) -> None:
        super().__init__(Found(), Words(words))
        self.search = search
        self.go = go

    def narrow(self, typed: str) -> None:
        self.show(self.search(typed))

    def take(self) -> bool:
        """Go to what the cursor is on, if there is something."""
        found = self.search(self.input.value)  # what was typed last may not be shown yet
        if found:
            cursor = self.fitting.cursor if list(self.fitting.items) == list(found) else 0
            self.go(found[cursor])
            self.dismiss()
        return bool(found)
