"""``mtatui queue show ID --verdicts``: what clamd, SpamAssassin and its signatures say of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtatui.cli import output
from mtatui.cli.guard import DONE, NOT_ALL
from mtatui.cli.session import wait_for

if TYPE_CHECKING:
    from mtatui.backends.verdicts import Verdicts
    from mtatui.fleet import Fleet


def show_verdicts(fleet: Fleet, id: str, document: dict[str, Any] | None) -> int:
    """Ask for the verdicts and print them. Exit code 1: not all of them could be found out.

    Args:
        document: what the verdicts are put beside, as one JSON document; None for words.
    """
    from mtatui.backends.verdicts.words import document as as_document
    from mtatui.backends.verdicts.words import doing, lines

    said = ""

    def progress(so_far: Verdicts) -> None:
        nonlocal said
        before, said = said, doing(so_far)
        if said and said != before:
            output.say(f"mtatui: {said} …")

    verdicts = wait_for(fleet.verdicts(id, progress=progress))
    if document is not None:
        output.put_json(document | {"verdicts": as_document(verdicts)})
    else:
        for line in lines(verdicts):
            output.put(f"{line.label:9} {line.text}".rstrip())
    return NOT_ALL if verdicts.failed else DONE
