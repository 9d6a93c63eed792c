"""A file of signatures of one's own: put into clamd's database directory by a plan like any other, so that it
is tried before clamd sees it, can be taken back, and stands in the history."""

from __future__ import annotations

from dataclasses import replace

from mtatui.backends import planning
from mtatui.backends.filters.databases_read import LARGEST
from mtatui.backends.filters.freshclam import OFFICIAL
from mtatui.backends.filters.reading import Written
from mtatui.backends.host import File, Host
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
    if name.partition(".")[0] in OFFICIAL:
        raise Refused(f"{name}: ClamAV's own are called so; give it another name")
    if url := next((url for url in freshclam.urls if url.rpartition("/")[2] == name), ""):
        raise Refused(f"freshclam puts {name} there, from {url}; give it another name")
    if name in freshclam.own and not isinstance(there, File):
        raise Refused(f"{path} is there, and large: mtatui signatures remove {name} comes first")
    draft.beside[path] = Written(data, 0o644, owner=f"{freshclam.owner}:{freshclam.owner}")
    draft.say(f"{name} is tried, put into {freshclam.databases}, and clamd loads it.")
    show = ALL[KEY].kind.show
    value = current.value if name in current.value else (*current.value, name)
    change = Change(KEY, ALL[KEY].label, show(current.value), show(value), ALL[KEY].kind.dump(current.value))
    return planning.finished(reading.server, draft, [change])


async def removing(host: Host, reading: Reading, name: str) -> Plan:
    """What takes a file, or a URL, away. A large file is read for it: else it could not be put back.

    Args:
        reading: with the filters.

    Raises:
        Refused: that cannot be, in words.
        HostError: the server does not answer.
    """
    filters = reading.source.filters
    freshclam = filters.freshclam if filters is not None else None
    if filters is not None and freshclam is not None and name in freshclam.own:
        path = freshclam.file(name)
        file = (await host.files([path]))[path]
        if not isinstance(file, File):
            raise Refused(f"it cannot be kept for an undo; remove it by hand: {file}")
        filters = replace(filters, files={**filters.files, path: file})
        reading = replace(reading, source=replace(reading.source, filters=filters))
    value = tuple(one for one in reading.current[KEY].value if one != name)
    return planning.plan(reading, {KEY: value})
