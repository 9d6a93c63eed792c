"""A server that means harm, or is no envoy at all: it is cut off in words, and nobody waits or fills up."""

from __future__ import annotations

import os
import resource
import threading
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtatui.backends.envoy import wire
from mtatui.backends.link_channel import Channel
from mtatui.backends.link_hello import Refused
from tests.unit.envoys import ENVIRONMENT, ENVOY, Played, played, until


def started(server: Played, *, compress: bool = False) -> Channel:
    """A command on it; its channel has the number 1."""
    server.link.greet(ENVOY, 10)
    return server.link.start(["postqueue", "-j"], env=ENVIRONMENT, compress=compress)


def memory() -> int:
    """The most that we have had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


# --- before the greeting ------------------------------------------------------------------------------------


def test_what_a_login_prints_is_passed_over() -> None:
    noise = b"Welcome!\nMTATUI-ENVOY other {}\n" + os.urandom(100_000) + wire.GREETING[:5]
    with played(noise) as server:
        hello = server.link.greet(ENVOY, 10)
        assert (hello.python, hello.machine, hello.time) == ("3.6.8", "mx1", 1e9)


def test_a_login_that_prints_without_end_is_refused() -> None:
    with played(b"x" * 2_000_000) as server:
        with pytest.raises(Refused, match="printed more than any greeting") as error:
            server.link.greet(ENVOY, 10)
        assert error.value.noise.startswith(b"xxx")
        assert len(error.value.noise) < 1_000_000


def test_who_hangs_up() -> None:
    with played(nonce="another") as server:
        server.end()
        with pytest.raises(Refused, match="ended"):
            server.link.greet(ENVOY, 10)


def test_a_drop_now_and_then_does_not_win_time() -> None:
    with played(nonce="another") as server:
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                server.write(b".")

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        with pytest.raises(Refused, match="in time"):
            server.link.greet(ENVOY, 0.5)
        assert time.monotonic() - began < 10
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "hello",
    [
        [], {"python": "3.6"}, {"python": 1, "uid": {}, "user": 1, "time": 1, "machine": 1},
        {"python": "3", "uid": 1e999, "user": "", "time": 0, "machine": ""},
        {"python": "3", "uid": "9" * 9999, "user": "", "time": 0, "machine": ""},
    ],
    ids=["list", "little", "kinds", "infinity", "digits"],
)  # fmt: skip
def test_a_greeting_that_makes_no_sense(hello: object) -> None:
    with played(b"", hello or ["x"]) as server, pytest.raises(Refused, match="no sense"):
        server.link.greet(ENVOY, 10)


def test_a_greeting_is_cleaned_and_short() -> None:
    hello = {"python": "3", "uid": 0, "user": "\x1b]0;x\x07" + "y" * 9999, "time": 0, "machine": "\n"}
    with played(b"", hello) as server:
        heard = server.link.greet(ENVOY, 10)
        assert heard.user.isprintable()
        assert len(heard.user) < 1000


# --- frames that are none -----------------------------------------------------------------------------------

NONSENSE = {
    "garbage": b"\xff" * 1000,
    "a length without end": wire.HEADER.pack(1, wire.OUT, 2**31),
    "a channel that there is not": wire.frame(77, wire.OUT, b"x"),
    "an end that is none": wire.frame(1, wire.EXIT, b"x"),
    "a reason that is none": wire.frame(1, wire.FAILED),
    "credit that is none": wire.frame(1, wire.TAKEN, b"123"),
    "credit for what was never sent": wire.frame(1, wire.TAKEN, b"\xff" * 4),
    "no zlib": wire.frame(1, wire.OUT, b"no zlib at all"),
}


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_cuts_it_off_in_words(nonsense: bytes) -> None:
    with played() as server:
        channel = started(server, compress=True)
        asking = server.link.put({"which": []})
        server.write(nonsense)
        assert channel.wait(10) == 255
        assert channel.cut
        assert channel.stdout.read() == b""
        assert channel.stderr.read().startswith(b"mx1 sent what is no answer")
        assert "mx1 sent what is no answer" in (server.link.closed or "")
        with pytest.raises(ConnectionError):
            asking(10)
        after = server.link.start(["true"], env=ENVIRONMENT)
        assert (after.wait(10), after.cut) == (255, True)
        assert after.communicate(b"x" * 100_000, 10)[0] == b""


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([*range(0x10, 0x19), 1, 255]), st.binary(max_size=40)),
        max_size=10,
    ),
    st.binary(max_size=20),
)
def test_whatever_comes_all_come_to_their_end(frames: list[tuple[int, int, bytes]], rest: bytes) -> None:
    with played() as server:
        channel = started(server, compress=True)
        asking = server.link.put({"which": []})
        for one in frames:
            server.say(*one)
        server.write(rest)
        server.end()
        channel.wait(10)
        channel.communicate(None, 10)
        with suppress(ConnectionError, ValueError):
            asking(10)
        until(lambda: server.link.closed, "the link to be closed", 10)


@pytest.mark.parametrize("compress", [False, True])
def test_more_than_was_asked_for_is_not_kept(compress: bool) -> None:
    with played() as server:
        channel = started(server, compress=compress)
        before = memory()
        with suppress(OSError):
            for _ in range(300):
                server.say(1, wire.OUT, os.urandom(4096) * 64)
                if server.link.closed:
                    break
        assert channel.wait(10) == 255
        assert "no answer" in (server.link.closed or "")
        assert memory() - before < 20_000


def test_empty_frames_without_end_cost_nothing() -> None:
    with played() as server:
        channel = started(server)
        server.say(1, wire.OUT, b"x" * 200_000)
        before = memory()
        for _ in range(50):
            server.write(wire.frame(1, wire.OUT) * 7000)
        assert memory() - before < 8_000
        server.say(1, wire.EXIT, wire.STATUS.pack(0))
        assert channel.communicate(None, 10)[0] == b"x" * 200_000
        assert channel.returncode == 0


def test_a_little_that_holds_a_great_deal_is_unpacked_as_it_is_read() -> None:
    press = zlib.compressobj(9)
    bomb = press.compress(bytes(500_000_000)) + press.flush(zlib.Z_SYNC_FLUSH)
    with played() as server:
        channel = started(server, compress=True)
        before = memory()
        for start in range(0, len(bomb), 65536):
            server.say(1, wire.OUT, bomb[start : start + 65536])
        assert len(channel.stdout.read(3_000_000)) == 3_000_000
        assert memory() - before < 20_000
        channel.stdout.close()  # what nobody reads is not unpacked
        server.say(1, wire.EXIT, wire.STATUS.pack(0))
        assert channel.wait(5) == 0


def test_an_answer_without_end_is_refused() -> None:
    press = zlib.compressobj(9)
    bomb = press.compress(bytes(200_000_000)) + press.flush()
    with played() as server:
        server.link.greet(ENVOY, 10)
        asking = server.link.put({"which": []})
        for start in range(0, len(bomb), 65536):
            server.say(1, wire.TOLD, bomb[start : start + 65536])
        with pytest.raises(ConnectionError, match="without end"):
            asking(30)


@pytest.mark.parametrize("answer", [b"", b"{", b"[" * 100_000, b"\xff"])
def test_an_answer_that_makes_no_sense(answer: bytes) -> None:
    with played() as server:
        server.link.greet(ENVOY, 10)
        asking = server.link.put({"which": []})
        server.say(1, wire.TOLD, zlib.compress(answer))
        server.say(1, wire.EXIT, wire.STATUS.pack(0))
        with pytest.raises(ValueError, match=r"Expecting|no sense|decode"):
            asking(10)
        assert server.link.closed is None


def test_nothing_is_left_open_of_links_that_never_came() -> None:
    def fds() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = fds()
    for _ in range(5):
        with played(b"x" * 900_000) as server, pytest.raises(Refused):
            server.link.greet(ENVOY, 10)
    assert fds() <= before
