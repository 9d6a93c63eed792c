"""The stage: copies of files as they will be, on which a change is checked before anything is touched.

A copy of Postfix's configuration directory, if something in it changes; and each file of another daemon under
its own name, in a directory of its own. Where one names another, it names the staged one.
"""

import os
import re
import shutil
import stat
import time

from . import files, room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Optional

#: Larger files are not copied into the stage but linked: tables, which have their place by name anyway.
COPIED = 256 * 1024
#: Levels of directories that are copied, and files in all.
DEEP = 3
MANY = 2000

_FILE = re.compile(r"\{file:([^}]*)\}")


class Stage:
    """The staged copies of one change."""

    def __init__(self, path: str) -> None:
        """Nothing is copied yet."""
        self.path = path
        self.postfix = os.path.join(path, "postfix")
        self._beside: "Dict[str, str]" = {}

    def copy(self, directory: str, after: "Mapping[str, Optional[bytes]]") -> None:
        """Stage Postfix's configuration directory, with the files in it as they will be."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        _copy(directory, self.postfix, DEEP, [MANY])
        staged = {}
        for path, data in after.items():
            relative = os.path.relpath(path, directory)
            if not relative.startswith("../"):
                staged[path] = os.path.join(self.postfix, relative)
                _lay(staged[path], data)
        # What is checked means the tables as they will be, by whatever name.
        tables = {path: there for path, there in staged.items() if not path.endswith(".cf")}
        for name in ("main.cf", "master.cf") if tables else ():
            path = os.path.join(self.postfix, name)
            data = files.read(path)
            if data is not None:
                _lay(path, _renamed(data, tables))

    def lay(self, after: "Mapping[str, Optional[bytes]]") -> None:
        """Stage files of other daemons, each under its own name; one that goes is not there."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        for number, path in enumerate(after):
            self._beside[path] = os.path.join(self.path, str(number), os.path.basename(path))
        for path, data in after.items():
            _lay(self._beside[path], None if data is None else _renamed(data, self._beside))

    def word(self, word: str) -> str:
        """A word of a command, with the staged copies where they are meant."""
        return _FILE.sub(
            lambda found: self._beside.get(found.group(1), found.group(1)),
            word.replace("{stage}", self.postfix),
        )

    def hide(self, text: str) -> str:
        """What a command has said, with the files called by their own names."""
        for path, staged in self._beside.items():
            text = text.replace(staged, path)
        return text.replace(self.postfix, "").replace(self.path, "")


def _lay(path: str, data: "Optional[bytes]") -> None:
    """Have a file in the stage be as it shall be."""
    if os.path.lexists(path):
        os.unlink(path)
    if data is not None:
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        room.write(path, data)
        os.utime(path, (1, 1))


def _renamed(data: bytes, names: "Mapping[str, str]") -> bytes:
    """A text that names files by where they are staged. Of names that begin alike the longest is meant."""
    if not names:
        return data
    longest = sorted(map(os.fsencode, names), key=len, reverse=True)
    pattern = b"|".join(map(re.escape, longest))
    return re.sub(pattern, lambda found: os.fsencode(names[os.fsdecode(found.group())]), data)


def _copy(source: str, target: str, deep: int, left: "List[int]") -> None:
    """Copy a configuration directory: small files and directories; larger ones are linked to."""
    os.mkdir(target, 0o755)
    for name in sorted(os.listdir(source)):
        path, copy = os.path.join(source, name), os.path.join(target, name)
        if name.endswith((".new", ".old")) and ".mtatui-" in name:
            continue
        left[0] -= 1
        try:
            info = os.stat(path)
        except OSError:
            continue  # a link to nowhere
        if left[0] < 0:
            os.symlink(os.path.realpath(path), copy)
        elif stat.S_ISDIR(info.st_mode) and deep:
            _copy(path, copy, deep - 1, left)
        elif stat.S_ISREG(info.st_mode) and info.st_size <= COPIED:
            shutil.copyfile(path, copy)
            os.utime(copy, (info.st_mtime, min(info.st_mtime, time.time() - 10)))
        else:
            os.symlink(os.path.realpath(path), copy)
