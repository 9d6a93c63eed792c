"""A file of signatures of one's own: put into clamd's database directory by a plan like any other, so that it
is tried before clamd sees it, can be taken back, and stands in the history."""

from __future__ import annotations

from mtatui.backends import planning
from mtatui.backends.filters.databases_read import LARGEST
from mtatui.backends.filters.reading import Written
from mtatui.backends.host import File
from mtatui.backends.postfix.draft import Draft
from mtatui.settings.catalogue import ALL
from mtatui.settings.current import Reading
from mtatui.settings.kinds import Refused
from mtatui.settings.kinds_filters import Signatures
from mtatui.settings.plan import Change, Plan
from mtatui.text import size

KEY = "filtering.custom_signatures"


def adding(reading: Reading, name: str, data: bytes) -> Plan:
    """What puts a file into place, or another in the place of one of that name.

    Args:
        reading: with the filters.

    Raises:
        Refused: that cannot be, in words.
    """
    name = Signatures().item(name)
    draft = Draft(reading.source)
    freshclam, current = draft.filters.freshclam, reading.current[KEY]
    if freshclam is None or current.unavailable:
        raise Refused(current.unavailable)
    if "://" in name:
        raise Refused("that is a URL: add it to the setting, and freshclam fetches it")
    if len(data) > LARGEST:
        raise Refused(
            f"{name} is {size(len(data))}; more than {size(LARGEST)} are not kept for an undo: copy it to "
            f"{freshclam.databases} by hand, after mtatui signatures check"
        )
    path = freshclam.file(name)
    there = draft.filters.files.get(path)
    if name not in freshclam.own and isinstance(there, File):
        raise Refused(f"{path} is there and is not yours")
    draft.beside[path] = Written(data, 0o644, owner=f"{freshclam.owner}:{freshclam.owner}")
    draft.say(f"{name} is tried, put into {freshclam.databases}, and clamd loads it.")
    show = ALL[KEY].kind.show
    value = current.value if name in current.value else (*current.value, name)
    change = Change(KEY, ALL[KEY].label, show(current.value), show(value), ALL[KEY].kind.dump(current.value))
    return planning.finished(reading.server, draft, [change])
