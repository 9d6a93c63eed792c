"""What is read off ClamAV's databases and logs, and what the answers of sources mean."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

from mtatui.backends.filters.conf import Conf
from mtatui.backends.filters.databases_read import (
    State,
    end_of_life,
    last_attempt,
    state,
    what_came,
)
from mtatui.backends.filters.databases_read import tested as meant
from mtatui.backends.filters.freshclam import Freshclam
from mtatui.backends.filters.freshclam_words import said, troubles

NOW = time.mktime((2026, 11, 22, 12, 0, 0, 0, 0, -1))
FRESHCLAM = Freshclam("/etc/clamav/freshclam.conf", Conf(""))
WELL = """\
Sun Nov 22 09:00:00 2026 -> ClamAV update process started at Sun Nov 22 09:00:00 2026
Sun Nov 22 09:00:01 2026 -> daily.cvd database is up-to-date (version: 27500, sigs: 2064000, f-level: 90)
Sun Nov 22 09:00:02 2026 -> bytecode.cvd database is up-to-date (version: 335, sigs: 86, f-level: 90)
"""
ILL = """\
Sun Nov 22 11:00:00 2026 -> ClamAV update process started at Sun Nov 22 11:00:00 2026
WARNING: Sun Nov 22 11:00:01 2026 -> Can't query current.cvd.clamav.net
Sun Nov 22 11:00:02 2026 -> ERROR: remote_cvdhead: Malformed CVD header (too short)
Sun Nov 22 11:00:02 2026 -> ERROR: Update failed.
"""


def head(version: int, days: float, count: int = 2_064_000) -> str:
    built = int(NOW - days * 86400)
    return f"ClamAV-VDB:21 Nov 2026 07-29 -0500:{version}:{count}:90:aabb:sig:builder:{built}"


def seen(*files: dict[str, Any], **more: Any) -> State:
    usual: dict[str, Any] = {"size": 1000, "changed": NOW - 60, "head": "", "count": None, "trouble": ""}
    found = {
        "files": [usual | file for file in files],
        "logs": [{"text": WELL}],
        "retry_after": 0,
        "clamd_log": "",
        "trouble": "",
        "clamd": {"ok": True, "text": "ClamAV 1.4.6/27500/Sat Nov 21 12:29:00 2026"},
    }
    return state(found | more, FRESHCLAM, NOW)


def test_a_database_says_what_it_is() -> None:
    found = seen({"name": "daily.cvd", "head": head(27500, 1.2)}, {"name": "mine.ndb", "count": 3})
    daily, mine = found.databases
    assert (daily.version, daily.count, daily.own) == (27500, 2_064_000, False)
    assert found.at - daily.built == pytest.approx(1.2 * 86400, abs=1)
    assert (mine.version, mine.count, mine.own) == (0, 3, True)
    assert (found.engine, found.loaded) == ("1.4.6", 27500)
    assert found.attempt is not None
    assert found.attempt.ok
    assert "up-to-date" in found.attempt.text
    assert found.findings == ()


def test_what_is_no_database_is_left_out() -> None:
    assert seen({"name": "daily.cvd", "head": head(1, 0)}, {"name": "mirrors.txt"}).databases[1:] == ()


def test_what_is_wrong_is_said() -> None:
    old = seen(
        {"name": "daily.cld", "head": head(27600, 9.5)},
        logs=[{"text": WELL}, {"text": ILL}],
        retry_after=int(NOW) + 3600,
        clamd={"ok": True, "text": "ClamAV 0.103.8/27500/x"},
    )
    told = "\n".join(old.findings)
    assert "9 days old" in told
    assert "end of life since 2025-11-28" in told
    assert "left alone until" in told
    assert "clamd still works with version 27500" in told
    assert "The last update failed: what it answers is no database: a web page, or nothing." in told


def test_clamd_that_does_not_answer_and_databases_that_are_not_there() -> None:
    told = "\n".join(seen(clamd={"ok": False, "text": "no answer within 5 s"}).findings)
    assert "clamd could not be asked what it has loaded: no answer within 5 s." in told
    assert "daily.cvd" in told


TAKEN = """\
Mon Nov 23 00:01:56 2026 -> Loaded 1 signatures.
Mon Nov 23 00:02:31 2026 -> Reading databases from /var/lib/clamav
Mon Nov 23 00:02:31 2026 -> Database correctly reloaded (8694893 signatures)
"""
KEPT = """\
Mon Nov 23 00:02:27 2026 -> ERROR: reload_th: Database load failed: Malformed database
Mon Nov 23 00:02:27 2026 -> WARNING: Database reload failed, keeping the previous instance
"""


@pytest.mark.parametrize(
    ("log", "count", "refuses"),
    [
        ("", None, ""),
        (TAKEN, 8694893, ""),
        (TAKEN + KEPT, 8694893, "Malformed database"),
        (KEPT + TAKEN, 8694893, ""),
    ],
)
def test_what_clamd_has_loaded(log: str, count: int | None, refuses: str) -> None:
    found = seen(clamd_log=log)
    assert (found.count, found.refuses) == (count, refuses)
    assert ("will not start with these" in "\n".join(found.findings)) == bool(refuses)


@pytest.mark.parametrize(
    ("version", "day", "words"),
    [
        ("1.4.6", "2026-11-22", ""),
        ("1.4.6", "2027-06-01", "gets no signatures any more after 2027-08-15"),
        ("1.4.6", "2027-08-15", "at its end of life"),
        ("1.0.9", "2026-11-22", "at its end of life since 2025-11-28"),
        ("1.3.2", "2026-11-22", "at its end of life"),
        ("0.103.12", "2026-11-22", "at its end of life"),
        ("1.6.0", "2030-01-01", ""),
        ("", "2026-11-22", ""),
    ],
)
def test_the_age_of_a_version(version: str, day: str, words: str) -> None:
    told = end_of_life(version, datetime.date.fromisoformat(day))
    assert (words in told) if words else (told == "")


def test_the_last_update_is_the_last() -> None:
    found = last_attempt(WELL + ILL)
    assert found is not None
    assert not found.ok
    assert time.localtime(found.at).tm_hour == 11
    later = last_attempt(ILL + WELL.replace("09:", "12:"))
    assert later is not None
    assert later.ok
    assert last_attempt("") is None


def test_lines_lose_their_time() -> None:
    assert said("WARNING: Sun Nov 22 11:00:01 2026 -> Can't query\n") == "Can't query"
    assert said("Sun Nov 22 11:00:01 2026 -> WARNING: Can't query") == "Can't query"
    assert said("odd \x1b[31m line") == said("odd \x1b[31m line").replace("\x1b", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"status": 429, "retry_after": "3600"},
            "refuses (429: asked too often, or by too old a version); it wants",
        ),
        ({"status": 403}, "refuses (403: blocked, or not for everybody)"),
        ({"status": 404, "trouble": "Not Found"}, "answers 404 Not Found"),
        ({"status": 0, "trouble": "timed out"}, "timed out"),
        ({"status": 200, "head": "<!DOCTYPE html><html>"}, "answers with a web page"),
        ({"status": 200, "head": ""}, "answers with nothing"),
        ({"status": 200, "head": "PK\x03\x04"}, "no database of ClamAV"),
    ],
)
def test_what_an_answer_means(answer: dict[str, Any], words: str) -> None:
    found = meant("https://mirror.example/daily.cvd", {"trouble": "", **answer}, official=True)
    assert not found.ok
    assert words in found.text


def test_a_mirror_that_is_well() -> None:
    found = meant("https://m.example/daily.cvd", {"status": 206, "head": head(27501, 0)}, official=True)
    assert found.ok
    assert "version 27501" in found.text


def test_what_an_update_brought() -> None:
    before = seen({"name": "daily.cvd", "head": head(1, 1)})
    after = seen({"name": "daily.cvd", "head": head(2, 0), "size": 2048})
    assert what_came(before, before) == "All signatures are up to date."
    assert what_came(before, after) == "New: daily.cvd 2 (2.0 K)."


#: As freshclam 1.4 said it, to a terminal and in its log.
AT = "Mon Nov 23 00:03:04 2026 -> "
REFUSED = f"""\
ERROR: {AT}Can't download mine.ndb from http://m.example/mine.ndb
WARNING: {AT}FreshClam received error code 403 from the ClamAV Content Delivery Network (CDN).
WARNING: {AT}You are on cool-down until after: 2026-11-24 00:03:04
ERROR: {AT}Database update process failed: Forbidden; Blocked by CDN
ERROR: {AT}Update failed.
"""
BROKEN_OFF = f"""\
{AT}ERROR: Download failed (18) {AT}ERROR:  Message: Transferred a partial file
{AT}ERROR: Can't download mine.ndb from http://m.example/mine.ndb
{AT}ERROR: Database update process failed: Connection failed
"""
BROKEN = f"""\
WARNING: {AT}[LibClamAV] Problem parsing database at line 1
ERROR: {AT}Failed to load new database: Malformed database
ERROR: {AT}Database test FAILED.
ERROR: {AT}Update failed.
"""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            REFUSED,
            "http://m.example/mine.ndb: refused (403): blocked, or this version of ClamAV is too old; "
            "it wants to be left alone until 2026-11-24 00:03:04",
        ),
        (
            REFUSED.replace("403", "429").partition(f"ERROR: {AT}Database")[0],
            "http://m.example/mine.ndb: asked too often (429); "
            "it wants to be left alone until 2026-11-24 00:03:04",
        ),
        (BROKEN_OFF, "http://m.example/mine.ndb: its answer broke off"),
        (BROKEN, "what came is no valid database (Malformed database)"),
        ("Sun Nov 22 11:00:02 2026 -> ERROR: Update failed.\n", "Update failed"),
        ("ERROR: initialize: Can't open/parse the config file \x1b[1m", "initialize: Can't open/parse"),
        (WELL, ""),
        ("WARNING: Can't query current.cvd.clamav.net\n", ""),
    ],
)  # fmt: skip
def test_what_a_run_came_to(log: str, words: str) -> None:
    told = "; ".join(troubles(log.splitlines()))
    assert told.startswith(words)
    assert bool(told) == bool(words)
    assert told.isprintable()
