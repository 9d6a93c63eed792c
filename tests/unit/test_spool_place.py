"""Where queue files lie: the folders that Postfix itself makes for short and long queue IDs."""

from __future__ import annotations

import pytest

from mtatui.backends.postfix.spool import place

HASHED = place.queue_names("deferred, Defer")


@pytest.mark.parametrize(
    ("state", "id", "depth", "expected"),
    [
        ("deferred", "4F8A1C0D2E", 1, "/q/deferred/4/4F8A1C0D2E"),
        ("deferred", "4F8A1C0D2E", 3, "/q/deferred/4/F/8/4F8A1C0D2E"),
        ("defer", "4F8A1C0D2E", 2, "/q/defer/4/F/4F8A1C0D2E"),
        ("hold", "4F8A1C0D2E", 2, "/q/hold/4F8A1C0D2E"),
        ("deferred", "AB", 4, "/q/deferred/A/B/_/_/AB"),
        # 3Pt2mN then microseconds 0000, 0001, zzzz in base 52, then z and the inode.
        ("deferred", "3Pt2mN0000z1B", 1, "/q/deferred/0/3Pt2mN0000z1B"),
        ("deferred", "3Pt2mN0001z1B", 5, "/q/deferred/0/0/0/0/1/3Pt2mN0001z1B"),
        ("deferred", "3Pt2mN6bD3z1B", 2, "/q/deferred/E/2/3Pt2mN6bD3z1B"),
        ("deferred", "3Pt2mNA!00z1B", 2, "/q/deferred/0/0/3Pt2mNA!00z1B"),
        ("trash", "4F8A1C0D2E.2", 2, "/q/mtatui/trash/4F8A1C0D2E.2"),
    ],
)
def test_path(state: str, id: str, depth: int, expected: str) -> None:
    assert place.path("/q", state, id, HASHED, depth) == expected
