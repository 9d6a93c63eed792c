"""The wheel, as a user gets it: built, installed into a fresh environment, and started there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*argv: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in argv], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=300, check=False, env={**os.environ, "PYTHONPATH": "", **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source distribution, as a release is."""
    dist = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, ROOT, cwd=dist)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = dist.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin/ of a fresh environment that holds the wheel and what it asks for, and no more."""
    home = tmp_path_factory.mktemp("installed")
    assert run(sys.executable, "-m", "venv", home, cwd=home).returncode == 0
    done = run(home / "bin" / "pip", "install", "-qq", "--disable-pip-version-check", wheel, cwd=home)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"the packages it depends on cannot be had: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return home / "bin"


def test_it_holds_every_style_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    styles = {f"mtatui/styles/{path.name}" for path in (ROOT / "styles").glob("*.tcss")}
    assert styles
    assert styles <= names
    assert "mtatui/py.typed" in names
    assert not [name for name in names if name.startswith(("tests", "bench", "docs", "styles"))]


def test_the_licence_comes_along(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (licence,) = [name for name in archive.namelist() if name.endswith("LICENSE")]
    assert b"The mtatui maintainers" in archive.read(licence)


def test_it_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "mtatui", "--version", cwd=tmp_path)
    assert done.stdout.startswith("mtatui 0.")
    assert done.stderr == ""


def test_its_styles_are_found_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = "from mtatui.app import MtatuiApp as A; print(*map(str, A.CSS_PATH), sep='\\n')"
    done = run(installed / "python", "-c", program, cwd=tmp_path)
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert paths, done.stderr
    assert all(path.is_file() and path.is_relative_to(installed.parent) for path in paths)


def test_the_demo_is_listed_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "mtatui", "--demo", "queue", "list", "--limit", "5", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(messages) == 5
    assert all(message["id"] and message["recipients"] for message in messages)
