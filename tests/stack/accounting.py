"""Where every message went: each recipient of each injected message must be in exactly one place.

The places: taken by the remote, reported to the sender (or about to be), waiting in a queue file, or kept in
the trash. In none it is lost, in two it was doubled. Only a report may come twice: better so than not at all.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from mtatui.backends.postfix.spool import place, record
from tests.stack.postfix import PostfixInstance

#: A recipient of an injected message: its sender, which is another for each message, and its address.
Item = tuple[str, str]

QUEUES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")


def places(instance: PostfixInstance) -> dict[Item, Counter[str]]:
    """The places of each recipient. The queue must stand still."""
    found: dict[Item, Counter[str]] = defaultdict(Counter)
    for delivery in instance.remote.deliveries():
        if delivery.sender:
            for recipient in delivery.recipients:
                found[delivery.sender, recipient]["delivered"] += 1
        else:
            for recipient in _reported(delivery.data):
                found[delivery.recipients[0], recipient]["reported"] = 1
    for where, path in _files(instance.queue):
        row = record.read_row(str(path), path.name, where)
        sender, recipients = row[5], row[-1]
        waiting = [address for address, _reason, _status, done, _original in recipients if not done]
        if not sender and waiting:
            for recipient in _reported(path.read_bytes()):
                found[waiting[0], recipient]["reported"] = 1
            continue
        for recipient in waiting:
            found[sender, recipient][where] += 1
        # Refused for good, and the report goes out when the others have been tried as well.
        for log in (instance.queue / "bounce" / path.name, instance.queue / "mtatui" / "bounce" / path.name):
            for recipient in re.findall(r"^recipient=(.*)$", _text(log), re.MULTILINE):
                found[sender, recipient]["reported"] = 1
    return found


def mistakes(instance: PostfixInstance, injected: set[Item]) -> list[tuple[Item, str]]:
    """Every recipient that is not in exactly one place, with where it is; and what nobody injected."""
    found = places(instance)
    wrong = [(item, str(dict(found[item]))) for item in sorted(injected) if found[item].total() != 1]
    return wrong + [(item, "never injected") for item in found.keys() - injected]


def _files(queue: Path) -> Iterator[tuple[str, Path]]:
    """Each queue file once, in the queue or in the trash; one that is in both is counted in the queue."""
    seen = set()
    for where in (*QUEUES, "trash"):
        for directory, _, names in os.walk(queue / (place.TRASH if where == "trash" else where)):
            for name in names:
                path = Path(directory, name)
                inode = path.lstat().st_ino
                # Files that are still being received have names of another kind.
                if name.isalnum() and inode not in seen:
                    seen.add(inode)
                    yield where, path


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.exists() else ""


def _reported(bounce: bytes) -> list[str]:
    """The recipients that a delivery status notification (RFC 3464) reports."""
    found = re.findall(rb"Final-Recipient: rfc822; ([^\s\x00]+@[\w.]+\.test)", bounce)
    return [address.decode() for address in found]


def history(instance: PostfixInstance, sender: str) -> str:
    """What the log tells of the messages of one sender, to find out what became of them."""
    lines = instance.log.read_text("utf-8", "replace").splitlines()
    ids = {
        found[1] for line in lines if (found := re.search(rf"\]: (\w+): .*from=<{re.escape(sender)}>", line))
    }
    return "\n".join(line for line in lines if any(id in line for id in ids))
