"""What stands in freshclam.conf, beside ClamAV's own parser: a mirror is read as it was written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mtatui.backends.filters.conf import Conf
from mtatui.settings.kinds_filters import Mirrors

pytestmark = [pytest.mark.stack, pytest.mark.daemons]

#: Every sign that a URL may hold: none of them ends a value or a line, and no shell sees it.
URL = "https://user:pass@mirror.example.test:8443/a;b/c-d(e)*f$g!h&i,j=k+l@m:n%20o?p~q[r]_s-t.u"


def test_freshclam_reads_every_sign_of_a_url_as_it_is(tmp_path: Path) -> None:
    before = Conf.parse(b"# anna's\nDatabaseDirectory /var/lib/clamav\nMaxAttempts 7\n")
    mirrors = Mirrors().load([URL, "database.clamav.net"])
    conf = before.set_all("DatabaseMirror", mirrors).set("Checks", "5")
    (tmp_path / "freshclam.conf").write_bytes(conf.data)
    told = subprocess.run(["clamconf", "-c", tmp_path], capture_output=True, text=True, check=True).stdout
    assert f"DatabaseMirror = {', '.join(f'{chr(34)}{mirror}{chr(34)}' for mirror in mirrors)}" in told
    assert 'MaxAttempts = "7"' in told
    assert 'Checks = "5"' in told
