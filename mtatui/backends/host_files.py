"""What was found of a file or a command on a host, as the errors and values of `mtatui.backends.host`."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mtatui.backends.host import File, HostError, Missing, NotPermitted
from mtatui.text import clean


def file(host: str, path: str, found: Mapping[str, Any]) -> File | HostError:
    """What `mtatui.backends.peek` found, or what is wrong with it in words."""
    from mtatui.settings.plan import Tag

    if "errno" not in found:
        tag = Tag(found["inode"], found["mtime_ns"], found["size"], found.get("digest", ""))
        return File(found.get("data", b""), tag, found["mode"], found["uid"], found["gid"])
    return _wrong(host, path, found["errno"])


def names(host: str, directory: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """The names that `mtatui.backends.peek` found in a directory.

    Raises:
        HostError: it found none, in words.
    """
    if "errno" in found:
        raise _wrong(host, directory, found["errno"])
    return tuple(found["names"])


def not_started(host: str, argv: Sequence[str], number: int) -> HostError:
    """Why a command could not be started (errno(3)), in words."""
    if number == errno.ENOENT:
        return Missing(f"There is no {argv[0]} on {host}. Is Postfix installed there?")
    if number == errno.EACCES:
        return NotPermitted(f"{argv[0]} may not be run by this user on {host}.")
    return HostError(f"{argv[0]} could not be started on {host}: {os.strerror(number)}.")


def _wrong(host: str, path: str, number: int) -> HostError:
    where = f"{clean(path)} on {host}"
    match number:
        case errno.ENOENT | errno.ENOTDIR:
            return Missing(f"There is no {where}.")
        case errno.EACCES | errno.EPERM:
            return NotPermitted(f"{where} may not be read by this user.")
        case errno.EINVAL:
            return HostError(f"{where} is no ordinary file.")
        case errno.EFBIG:
            return HostError(f"{where} is too large for a configuration file.")
        case _:
            return HostError(f"{where} could not be read: {os.strerror(number)}.")
