"""The section "Verdicts" of the message screen: what others say of the message, asked for on demand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mtatui.backends.host import HostError
from mtatui.screens.message_source import MessageSource
from mtatui.screens.message_text import Text
from mtatui.text import clean
from mtatui.widgets.text_view import Paragraph

if TYPE_CHECKING:
    from mtatui.backends.verdicts import Verdicts


async def judge(source: MessageSource, id: str, show: Callable[[Text, str], None]) -> None:
    """Have a message judged.

    Args:
        show: gets what is known as it comes, and what is still waited for; "" for nothing.
    """
    from mtatui.backends.verdicts.words import doing, lines

    def come(so_far: Verdicts) -> None:
        waiting = doing(so_far)
        text = [Paragraph(line.text, line.role, line.label) for line in lines(so_far)]
        show(text, f"{waiting} … esc stops" if waiting else "")

    show([], "reading…")
    try:
        come(await source.verdicts(id, progress=come))
    except HostError as error:
        show(clean(str(error), lines=True).split("\n"), "no verdicts; V asks again")


def invitation() -> Text:
    """What stands there before anything was asked."""
    from mtatui.backends.verdicts.words import INVITATION

    first, second = INVITATION
    return [first, Paragraph(""), Paragraph(second, "dim")]
