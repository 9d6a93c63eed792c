"""A message written to a file of the user's own: for their eyes only, and never over another file unasked."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class Exists(Exception):
    """There is a file of that name already."""


class NotSaved(Exception):
    """It could not be written; the words say why."""


def save(name: str, data: bytes, *, overwrite: bool = False) -> Path:
    """Write a file whole or not at all, mode 0600.

    Args:
        name: as it was typed; ``~`` is the home directory.
        overwrite: put it in the place of what is there.

    Returns:
        Where it lies now.

    Raises:
        Exists: there is something already, and ``overwrite`` was not said.
        NotSaved: no such directory, no permission, a full disk, …
    """
    try:
        path = Path(os.path.abspath(os.path.expanduser(name)))
        if path.is_dir():
            raise NotSaved(f"That is a directory, add a file name: {path}")
        if os.path.lexists(path):
            if not overwrite:
                raise Exists(path)
            if not path.is_file():
                raise NotSaved(f"That is no ordinary file, nothing was written: {path}")
        if overwrite:
            handle, target = tempfile.mkstemp(prefix=".mtatui-", dir=path.parent)  # mode 0600
        else:
            handle, target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), str(path)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                os.replace(target, path)
        except OSError:
            os.unlink(target)
            raise
    except FileExistsError as error:
        raise Exists(name) from error
    except OSError as error:
        raise NotSaved(f"Not saved: {error.strerror or error} ({name}).") from error
    except ValueError as error:
        raise NotSaved("Not saved: that is no file name.") from error
    return path
