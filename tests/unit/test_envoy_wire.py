"""The frames of the wire: what was sent comes out, however it was cut; what is no frame is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.envoy import wire

FRAMES = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 255), st.binary(max_size=300)), max_size=8
)


@given(FRAMES, st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_out_as_they_went_in_however_they_were_cut(
    frames: list[tuple[int, int, bytes]], sizes: list[int]
) -> None:
    data = b"".join(wire.frame(*one) for one in frames)
    taker, at, turn = wire.Frames(), 0, 0
    heard: list[tuple[int, int, bytes]] = []
    while at < len(data):
        size = sizes[turn % len(sizes)]
        heard += taker.take(data[at : at + size])
        at, turn = at + size, turn + 1
    assert heard == frames


def test_a_frame_without_end_is_refused_before_it_is_kept() -> None:
    taker = wire.Frames()
    with pytest.raises(wire.Nonsense):
        list(taker.take(wire.HEADER.pack(1, wire.OUT, wire.LARGEST + 1)))


def test_the_frames_before_nonsense_are_still_given() -> None:
    frames = wire.Frames().take(wire.frame(1, wire.OUT, b"x") + b"\xff" * 20)
    assert next(frames) == (1, wire.OUT, b"x")
    with pytest.raises(wire.Nonsense):
        next(frames)
