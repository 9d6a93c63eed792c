"""Connections are begun a few at a time; who hangs holds up nobody."""

from __future__ import annotations

import threading
import time

from mtatui.backends.doorway import Doorway

LONG = 30.0


class Crowd:
    """Those who come at once, go on when they are let in, and stay until they are let go."""

    def __init__(self, doorway: Doorway, number: int) -> None:
        self.doorway = doorway
        self.inside = self.most = 0
        self.begun = threading.Semaphore(0)
        self.stay = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.come, daemon=True) for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def come(self) -> None:
        with self.doorway.passing():
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
            self.begun.release()
            assert self.stay.acquire(timeout=LONG)
            with self.lock:
                self.inside -= 1

    def wait(self, number: int) -> bool:
        """Whether so many more have begun."""
        return all(self.begun.acquire(timeout=LONG) for _ in range(number))

    def let_go(self, number: int) -> None:
        self.stay.release(number)


def test_a_few_at_a_time_and_the_next_as_soon_as_one_is_through() -> None:
    crowd = Crowd(Doorway(3, LONG, 1), 9)
    for place in (1, 2, 2, 1, 1):  # the first alone, then each makes room for two, until three stand abreast
        assert crowd.wait(place)
        assert not crowd.begun.acquire(timeout=0.05)
        crowd.let_go(1)
    assert crowd.wait(1)
    crowd.let_go(4)
    for thread in crowd.threads:
        thread.join(LONG)


def test_who_hangs_holds_up_nobody() -> None:
    began = time.monotonic()
    crowd = Crowd(Doorway(2, 0.01, 3), 6)
    assert crowd.wait(6)  # though nobody has gone
    assert time.monotonic() - began < LONG
    crowd.let_go(6)


def test_who_does_not_want_to_go_on_does_not_wait() -> None:
    doorway = Doorway(1, LONG, 1)
    with doorway.passing():
        began = time.monotonic()
        with doorway.passing(lambda: False):
            assert time.monotonic() - began < LONG
