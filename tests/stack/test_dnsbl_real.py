"""Block lists are tried through a real resolver: good ones, such that refuse or list everybody, and silence."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.loopback import Loopback
from tests.stack.names import Names

pytestmark = pytest.mark.stack

#: What runs in the world of the private name server.
TRY = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.dnsbl import test_zone
test = asyncio.run(test_zone(LocalHost("mx1"), sys.argv[2]))
print(test.ok, test.text)
"""


@pytest.fixture(scope="module")
def names() -> Iterator[Names]:
    loopback = Loopback()
    names = Names(loopback)
    names.start()
    yield names
    names.stop()
    loopback.release()


def tried(resolv_conf: Path, zone: str) -> str:
    script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    inside = [sys.executable, "-c", TRY, str(Path(__file__).parents[2]), zone]
    argv = ["unshare", "-m", "sh", "-c", script, "sh", str(resolv_conf), *inside]
    return subprocess.run(argv, capture_output=True, timeout=60, check=True, text=True).stdout


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("bl.test", "True bl.test works: it lists 127.0.0.2 (127.0.0.2)"),
        ("bl.test=127.0.0.[2..11]", "True bl.test works: it lists 127.0.0.2"),
        ("all.test", "False all.test lists everything"),
        ("refusing.test", "False refusing.test refuses your resolver (127.255.255.254)"),
        ("nowhere.test", "False nowhere.test does not list 127.0.0.2"),
    ],
)
def test_lists_are_judged_by_what_they_answer(names: Names, tmp_path: Path, zone: str, expected: str) -> None:
    assert tried(names.resolv_conf(tmp_path), zone).startswith(expected)
    assert f"1.0.0.127.{zone.partition('=')[0]}" in names.asked


def test_a_resolver_that_says_nothing_is_told_in_time(names: Names, tmp_path: Path) -> None:
    conf = tmp_path / "resolv.conf"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((names.loopback.address(16), 53))
        conf.write_text(f"nameserver {names.loopback.address(16)}\noptions timeout:30 attempts:5\n")
        assert "does not answer the resolver of this server: no answer in time" in tried(conf, "bl.test")
