"""Changing the user's config file: a saved filter, the columns. Comments and order stay."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mtatui.text import clean


class NotWritten(Exception):
    """The file was not changed; the words say why and what to do."""


def save(path: Path, key: Sequence[str], value: str | int | bool | Sequence[str] | None) -> None:
    """Set one key (``("filters", "big")``, ``("columns",)``), or take it out (None).

    The file is replaced in one step, with the mode it had (a new one is the user's alone); a symbolic link to
    it stays a link.

    Raises:
        NotWritten: the file is no TOML, or it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    real = Path(os.path.realpath(path))
    try:
        text = real.read_text("utf-8") if real.exists() else ""
        document = tomlkit.parse(text)
        _put(document, key, list(value) if isinstance(value, (list, tuple)) else value)
        _replace(real, tomlkit.dumps(document))
    except OSError as error:
        raise NotWritten(f"{path} could not be written: {error.strerror}.") from error
    except (TOMLKitError, ValueError, TypeError) as error:
        raise NotWritten(f"{path} was left as it is, for it has a mistake: {clean(str(error))}") from error


def _put(document: Any, key: Sequence[str], value: Any) -> None:
    import tomlkit

    *tables, last = key
    place = document
    for name in tables:
        if name not in place:
            if value is None:
                return
            place[name] = tomlkit.table()
        place = place[name]
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".config-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
