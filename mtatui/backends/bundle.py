"""Programs of ours as one piece of text that the Python of a server runs from memory.

Nothing is installed there: the sources of a program and of what it imports are packed, sent, and unpacked by
a stub on the command line of ``python3 -I -S -c``, which reads exactly that many bytes from its standard
input and leaves the rest to the program.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from functools import lru_cache
from typing import NamedTuple

_HERE = os.path.dirname(os.path.abspath(__file__))
#: What a program needs besides its own package: folders and files, from here.
_BESIDES = {
    "envoy": ("peek.py",),
    "transaction": ("looking",),
}

#: What the server's Python is told to do: take eight digits, so many bytes, and run what they hold. os.read
#: and not a file: a buffer would take from the program what is meant for it. In one line and without a single
#: quote: it passes through the login's shell, whichever that is.
STUB = (
    r'exec("import os,zlib\ndef r(n):\n b=bytes()\n while len(b)<n:\n  c=os.read(0,n-len(b))\n'
    r'  if not c:os._exit(0)\n  b+=c\n return b\nexec(zlib.decompress(r(int(r(8)))))")'
)

#: What is run then: finds the modules in ``SOURCES``, and begins with ``__main__``.
_LOADER = """
import importlib.machinery, sys
class Found:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in SOURCES:
            return importlib.machinery.ModuleSpec(name, cls, is_package=SOURCES[name][0])
    @staticmethod
    def create_module(spec):
        return None
    @staticmethod
    def exec_module(module):
        name = module.__spec__.name
        module.__file__ = "<mtatui>/" + name.replace(".", "/") + ".py"
        exec(compile(SOURCES[name][1], module.__file__, "exec"), module.__dict__)
sys.meta_path.insert(0, Found)
__file__ = MAIN[0]
exec(compile(MAIN[1], __file__, "exec"))
"""


class Bundle(NamedTuple):
    """A program, packed: what it is called by, and what the stub takes from its standard input."""

    digest: str
    data: bytes


@lru_cache
def bundle(program: str) -> Bundle:
    """The program that is started by its path here: a ``__main__.py`` of ours, or a module by itself.

    Raises:
        ValueError: it is none of ours.
    """
    path = os.path.abspath(program)
    if not path.startswith(_HERE + os.sep):
        raise ValueError(program)
    folder, name = os.path.split(path)
    sources: dict[str, tuple[bool, str]] = {}
    if name == "__main__.py":
        # By the package's name; those that need something besides call themselves by the room they share.
        package = os.path.basename(folder)
        besides = [f"{_HERE}/{other}" for other in _BESIDES.get(package, ())]
        if besides:
            sources["backends"] = (True, "")
        for part in (folder, *besides):
            _add(sources, part, "backends." if besides else "")
    said = repr(sources), repr((f"<mtatui>/{os.path.relpath(path, _HERE)}", _text(path)))
    text = f"SOURCES = {said[0]}\nMAIN = {said[1]}\n{_LOADER}"
    data = zlib.compress(text.encode(), 9)
    return Bundle(hashlib.sha256(data).hexdigest()[:32], b"%08d" % len(data) + data)


def _add(sources: dict[str, tuple[bool, str]], path: str, prefix: str) -> None:
    name = prefix + os.path.basename(path)
    if path.endswith(".py"):
        sources[name[:-3]] = (False, _text(path))
        return
    for file in sorted(os.listdir(path)):
        if file == "__init__.py":
            sources[name] = (True, _text(f"{path}/{file}"))
        elif file.endswith(".py") and file != "__main__.py":
            sources[f"{name}.{file[:-3]}"] = (False, _text(f"{path}/{file}"))


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
