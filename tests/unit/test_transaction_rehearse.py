"""Which smtpd is rehearsed for a listener, as master.cf has it. That it works: see test_apply_unwell."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtatui.backends.transaction import rehearse

MASTER_CF = """\
# service type  private unpriv chroot wakeup maxproc command
smtp      inet  n       -       y       -       1       postscreen
smtpd     pass  -       -       y       -       -       smtpd
  -o smtpd_banner=x
#  -o commented=out
submission inet n - y - - smtpd
  -o syslog_name=postfix/submission

\t-o smtpd_sasl_auth_enable=yes
smtps     inet  n - y - - smtpd -o { smtpd_banner = with blanks }
127.0.0.1:10025 inet n - n - - smtpd
pickup    unix  n       -       y       60      1       pickup
short inet n
"""


def test_the_arguments_of_each_listener(tmp_path: Path) -> None:
    (tmp_path / "master.cf").write_text(MASTER_CF)
    assert rehearse.services(str(tmp_path)) == {
        "smtp": ["-o", "smtpd_banner=x"],
        "submission": ["-o", "syslog_name=postfix/submission", "-o", "smtpd_sasl_auth_enable=yes"],
        "127.0.0.1:10025": [],
    }


def test_no_smtpd_behind_postscreen(tmp_path: Path) -> None:
    (tmp_path / "master.cf").write_text("smtp inet n - y - 1 postscreen\n")
    assert rehearse.services(str(tmp_path)) == {}


@pytest.mark.parametrize("data", [b"", b"\xff\xfe inet n - - - - smtpd\n", b"  continued of nothing\n"])
def test_whatever_stands_there(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "master.cf").write_bytes(data)
    rehearse.services(str(tmp_path))


def test_nothing_to_rehearse_where_nothing_runs(tmp_path: Path) -> None:
    assert rehearse.smtpd(str(tmp_path)) == ""
    assert rehearse.rehearse(str(tmp_path), str(tmp_path), {"name": "smtp"}) == ""
