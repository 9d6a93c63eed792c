"""A block list behind a resolver that says nothing: the test of it ends all the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack.loopback import Loopback

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
TRY = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from mtatui.backends.host_local import LocalHost
from mtatui.backends.postfix.dnsbl import test_zone
test = asyncio.run(test_zone(LocalHost("mx1"), "bl.test"))
print(test.ok, test.text)
"""


def test_a_resolver_that_says_nothing_is_told_in_time(tmp_path: Path) -> None:
    loopback = Loopback()
    conf = tmp_path / "resolv.conf"
    conf.write_text(f"nameserver {loopback.address(16)}\noptions timeout:30 attempts:5\n")
    script = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    argv = ["unshare", "-m", "sh", "-c", script, "sh", str(conf), sys.executable, "-c", TRY]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((loopback.address(16), 53))
        ran = subprocess.run([*argv, str(ROOT)], capture_output=True, timeout=60, text=True, check=True)
    loopback.release()
    assert ran.stdout.startswith("False bl.test does not answer the resolver of this server"), ran.stderr
