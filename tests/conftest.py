"""Fixtures for every test: real Postfix instances, private ones, each with a remote world of its own; and the
order in which tests are run."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.stack import daemons, ways
from tests.stack.postfix import PostfixInstance


def missing_daemons(*more: str) -> str:
    """Why the tests marked ``stack`` cannot run here, "" when they can.

    Args:
        more: commands that are needed besides Postfix's.
    """
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    missing = [
        name
        for name in ("postfix", "postqueue", "smtp-source", "saslpasswd2", "openssl", *more)
        if not shutil.which(name, path=path)
    ]
    if missing:
        return f"no {', '.join(missing)} here: run scripts/install-daemons"
    if os.geteuid() != 0:
        return "a Postfix of one's own needs root"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs real daemons where there are none; where the build must prove something, fail."""
    more = daemons.COMMANDS if item.get_closest_marker("daemons") else ()
    if item.get_closest_marker("stack") and (why := missing_daemons(*more)):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


#: Files that take longest begin first, so that no process has a long one left when all others are done.
LONGEST = (
    "apply_killed", "cuts", "apply_filters", "settings_cli", "dkim", "spool_real", "fleet_cli", "apply_real",
    "signatures", "probing_promises", "waves", "filtering_viruses", "filtering_spam", "verdicts", "cut_link",
    "filtering_trouble", "probing", "outbound", "terminal", "waves_ssh", "cli",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by files: the longest first, then the others with daemons, those with a screen, then the quick."""
    first = {f"test_{name}": at for at, name in enumerate(LONGEST)}
    rooms = {"stack": 0, "tui": 1}
    items.sort(key=lambda item: (rooms.get(item.path.parent.name, 2), first.get(item.path.stem, len(first))))


def pytest_collection_finish() -> None:
    """Have the collector of garbage pass over what stays anyway (all modules and tests), and come less often:
    else it takes a fifth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a large value by its size: a name goes from process to process several times for each test."""
    return f"{argname}-{len(val)}" if isinstance(val, str | bytes) and len(val) > 200 else None


@pytest.fixture(scope="module", params=[ways.LOCAL, ways.SSH])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """The tests that use it run on this machine, and once more through ssh."""
    ways.take(request.param)
    yield request.param
    ways.take(ways.LOCAL)


@pytest.fixture
def make_postfix() -> Iterator[Callable[..., PostfixInstance]]:
    """Make started instances with main.cf parameters of one's own; they are stopped after the test."""
    with ExitStack() as instances:
        yield lambda **parameters: instances.enter_context(PostfixInstance(**parameters))


@pytest.fixture
def postfix_instance(make_postfix: Callable[..., PostfixInstance]) -> PostfixInstance:
    """A Postfix of one's own, running, its queue empty."""
    return make_postfix()


@pytest.fixture(scope="module")
def busy_instance() -> Iterator[PostfixInstance]:
    """A Postfix to look at, not to change: every state, many reasons. Shared by the tests of a module."""
    with PostfixInstance() as instance:
        instance.make_busy()
        yield instance
