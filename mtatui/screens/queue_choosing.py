"""What is chosen from a list on the queue page: a saved filter, the order, the columns, what is copied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual import on as when

from mtatui.queue.views import Sort, SortField
from mtatui.screens import queue_columns, queue_sheets
from mtatui.screens.choice import ChoiceScreen, Option
from mtatui.screens.queue_page import QueuePage
from mtatui.widgets.queue_table import QueueTable


class ChoosingPage(QueuePage):
    """The queue page with its lists to choose from."""

    def do_filter(self, argument: str) -> None:
        """Take over a filter, or let the person write one."""
        raise NotImplementedError

    # --- filters ---------------------------------------------------------------------------------------

    def do_saved(self, argument: str) -> None:
        """Choose a saved filter, or take the one that is named."""
        filters = self.filters
        if argument in filters:
            self.do_filter(filters[argument])
        elif argument:
            self.tell(f"There is no saved filter {argument!r}.", "warning")
        elif not filters:
            self.tell("No filter is saved yet: type one, then :save-filter NAME.")
        else:
            options = [Option(name, name, query) for name, query in filters.items()]
            self._choose("Saved filters", options, lambda name: self.do_filter(filters[name]))

    async def do_save_filter(self, argument: str) -> None:
        """Keep the filter under a name, in the config file."""
        from mtatui.config.writing import NotWritten, save

        if not argument or not self.model.text:
            self.tell("Type a filter first, then :save-filter NAME.", "warning")
            return
        try:
            await asyncio.to_thread(save, self.config.path, ("filters", argument), self.model.text)
        except NotWritten as error:
            self.tell(str(error), "error")
        else:
            self.filters[argument] = self.model.text
            self.tell(f"Saved as {argument}; f brings it back.")

    # --- order and columns -----------------------------------------------------------------------------

    def do_sort(self, argument: str) -> None:
        """Sort by a field; the same again turns the order round."""
        if argument in list(SortField):
            self._sort(SortField(argument))
        elif argument:
            self.tell(f"Sort by one of: {', '.join(SortField)}.", "warning")
        else:
            fields = [field for field in SortField if self.fleet.many or field is not SortField.SERVER]
            options = [Option(field, field, queue_sheets.SORTS[field]) for field in fields]
            now = self.model.sort.field
            self._choose("Sort by", options, lambda field: self._sort(SortField(field)), now)

    @when(QueueTable.SortClicked)
    def _sort_clicked(self, event: QueueTable.SortClicked) -> None:
        self._sort(SortField(event.field))

    def _sort(self, field: SortField) -> None:
        before = self.model.sort
        self.model.sort = Sort(field, not before.descending if field is before.field else False)
        self.table.sorted_by(field, self.model.sort.descending)
        self.look_now()

    def do_columns(self, argument: str) -> None:
        """Choose the columns."""
        if argument:
            self._columns(argument.replace(",", " ").split())
            return
        options = [
            Option(column.id, column.label)
            for column in queue_columns.COLUMNS
            if self.fleet.many or column.id != "server"
        ]

        def take(chosen: list[str] | None) -> None:
            if chosen is not None:
                self._columns(chosen)

        shown = {column.id for column in self.table.columns}
        self.app.push_screen(ChoiceScreen("Columns", options, ticked=shown), take)

    def _columns(self, ids: list[str]) -> None:
        if wrong := queue_columns.unknown(ids):
            self.tell(wrong, "warning")
        else:
            self.show_columns(ids)

    # --- copies ----------------------------------------------------------------------------------------

    def do_copy(self, argument: str) -> None:
        """Copy something of the message under the cursor to the clipboard (OSC 52)."""
        message = self.fleet.message(self.table.cursor_id) if self.table.cursor_id else None
        if message is None:
            self.tell("There is no message under the cursor.", "warning")
            return
        things = queue_sheets.to_copy(message)
        if argument in things:
            self._copy(argument, things[argument])
        else:
            options = [Option(name, name, text) for name, text in things.items()]
            self._choose("Copy", options, lambda name: self._copy(name, things[name]))

    def _copy(self, name: str, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self.tell(f"Copied the {name}: {text}"[: self.size.width - 4])

    def _choose(
        self, title: str, options: list[Option], take: Callable[[str], None], current: str = ""
    ) -> None:
        def answered(chosen: list[str] | None) -> None:
            if chosen:
                take(chosen[0])

        self.app.push_screen(ChoiceScreen(title, options, current=current), answered)
