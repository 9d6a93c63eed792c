"""Programs from memory do what they do when started by their paths, and take no byte that is not theirs."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import vermin

import mtatui.backends
from mtatui.backends import peek
from mtatui.backends.bundle import STUB, bundle

BACKENDS = Path(mtatui.backends.__file__ or "").parent
PROGRAMS = [
    *(path for path in sorted(BACKENDS.rglob("__main__.py")) if "demo" not in path.parts),
    BACKENDS / "peek.py",
    BACKENDS / "resolving" / "asking.py",
    BACKENDS / "postfix" / "asking.py",
    BACKENDS / "postfix" / "scheduling.py",
]


def from_memory(program: Path, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", STUB, *arguments],
        input=bundle(str(program)).data + input, capture_output=True, cwd="/", timeout=30, check=False,
    )  # fmt: skip


def by_path(program: Path, *arguments: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(program), *arguments],
        input=input, capture_output=True, cwd="/", timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(BACKENDS)))
def test_all_that_is_sent_is_python_3_6(program: Path) -> None:
    """Its grammar, and what is taken from the standard library."""
    data = bundle(str(program)).data
    text = zlib.decompress(data[8:]).decode()
    assert int(data[:8]) == len(data) - 8
    sources = {"the whole": text}
    for node in ast.parse(text).body[:2]:
        assert isinstance(node, ast.Assign)
        value = ast.literal_eval(node.value)
        if isinstance(value, dict):
            sources |= {name: source for name, (_, source) in value.items()}
        else:
            sources["what begins"] = value[1]
    assert [f"{name}: {fault}" for name, source in sources.items() for fault in too_new(source)] == []


def too_new(source: str) -> list[str]:
    """What a source wants of Python that 3.6 does not have."""
    try:
        tree = ast.parse(source, feature_version=(3, 6))
    except SyntaxError as error:
        return [str(error)]
    config = vermin.Config()
    config.set_eval_annotations(True)
    config.set_verbose(3)
    visitor = vermin.visit(source, config)
    _, newest = visitor.minimum_versions()
    faults = [visitor.output_text()] if newest is None or newest > (3, 6) else []
    # What is asked of a value, whose type nobody knows from reading.
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return faults + sorted(asked & {"removeprefix", "removesuffix", "isascii", "reconfigure", "bit_count"})


@pytest.mark.parametrize(
    "source",
    [
        "if (x := 1): pass",
        "from __future__ import annotations",
        "from dataclasses import dataclass",
        "import subprocess as s\ns.run([], capture_output=True)",
        "import subprocess\nsubprocess.Popen([], text=True)",
        "from contextlib import nullcontext",
        "import time\ntime.monotonic_ns()",
        "import os\nos.posix_spawn('/bin/true', [], {})",
        "import asyncio\nasyncio.run(None)",
        "import shutil\nshutil.copytree('a', 'b', dirs_exist_ok=True)",
        "def f(names: list[int]): pass",
        "def f(name): return name.removeprefix('x')",
    ],
)
def test_what_is_newer_would_be_found(source: str) -> None:
    assert too_new(source)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(BACKENDS)))
def test_a_program_from_memory_finds_all_that_it_imports(program: Path) -> None:
    """Each has its own complaint about a request that makes no sense; none is about a module."""
    said = from_memory(program, "/nowhere", "", "0", input=b"{}\n")
    assert b"ModuleNotFoundError" not in said.stderr
    assert b"ImportError" not in said.stderr


def test_peek_says_the_same_from_memory() -> None:
    request = json.dumps({"paths": ["/etc/passwd", "/nowhere"], "contents": True}).encode()
    program = Path(peek.__file__)
    assert from_memory(program, input=request).stdout == by_path(program, input=request).stdout
    assert b'"errno": 2' in from_memory(program, input=request).stdout


def test_the_spool_reader_says_the_same_from_memory(tmp_path: Path) -> None:
    for state in ("incoming", "active", "deferred", "hold", "corrupt", "maildrop", "defer", "bounce"):
        (tmp_path / state).mkdir()
    program = BACKENDS / "postfix" / "spool" / "__main__.py"
    for folder in ("deferred", "hold"):
        (tmp_path / folder / "3F2A1B").write_bytes(b"no queue file")
    ask = b'["scan"]\n'
    here = by_path(program, str(tmp_path), "", "0", input=ask)
    there = from_memory(program, str(tmp_path), "", "0", input=ask)
    assert (here.returncode, there.returncode, there.stderr) == (0, 0, here.stderr)
    # The last line tells what the scan has cost.
    assert there.stdout.splitlines()[:-1] == here.stdout.splitlines()[:-1] != []


def test_the_transaction_says_the_same_from_memory(tmp_path: Path) -> None:
    program = BACKENDS / "transaction" / "__main__.py"
    request = json.dumps({"do": "entries", "who": "a test", "limit": 5}).encode() + b"\n"
    here, there = (run(program, str(tmp_path), input=request) for run in (by_path, from_memory))
    assert (there.returncode, there.stdout) == (here.returncode, here.stdout)
    assert there.stdout


def test_no_byte_too_many_is_read(tmp_path: Path) -> None:
    """What stands behind the program on its standard input is the program's, also where it comes at once."""
    request = json.dumps({"directory": str(tmp_path)}).encode()
    (tmp_path / "a").write_text("")
    assert json.loads(from_memory(Path(peek.__file__), input=request).stdout) == {"names": ["a"]}
    stub = subprocess.run(
        [sys.executable, "-I", "-S", "-c", STUB],
        input=_packed("import os, sys\nsys.stdout.write(repr(os.read(0, 99)))") + b"all of this",
        capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    assert stub.stdout == b"b'all of this'"


def test_a_program_that_does_not_come_as_a_whole_does_not_begin() -> None:
    data = _packed("print('begun')")
    for length in (0, 5, 8, len(data) - 1):
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", STUB],
            input=data[:length], capture_output=True, timeout=30, check=False,
        )  # fmt: skip
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_the_stub_passes_through_any_shell() -> None:
    assert not set(STUB) & {"'", "\n", "!"}


def test_only_programs_of_ours_are_packed() -> None:
    for stranger in ("/etc/passwd", os.devnull, str(BACKENDS.parent / "app.py")):
        with pytest.raises(ValueError, match=stranger):
            bundle(stranger)


def _packed(text: str) -> bytes:
    data = zlib.compress(text.encode())
    return b"%08d" % len(data) + data
