"""``mtatui services`` and ``mtatui service`` as a person and a script meet them, on the demo."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.unit.test_cli import mtatui


def test_services_are_told_to_people_and_to_scripts() -> None:
    done = mtatui("--demo", "services", COLUMNS="200")
    assert done.returncode == 0
    heads, *rows = done.stdout.splitlines()
    assert heads.split() == ["Name", "Service", "Configured", "Running", "Answering"]
    [dovecot] = [row for row in rows if row.startswith("dovecot")]
    assert "Authentication" in dovecot
    assert "main.cf line" in dovecot
    assert "✔" in dovecot
    [amavis] = [row for row in rows if row.startswith("amavis")]
    assert "amavisd-new service ready" in amavis
    document = json.loads(mtatui("--demo", "services", "--json").stdout)
    services = {service["name"]: service for service in document["services"]}
    assert document["server"] == "demo"
    assert services["postfix"]["runs"] is True
    assert services["postfix"]["answering"] is True
    assert "smtpd_milters" in services["opendkim"]["configured"]
    assert services["policyd-spf"]["within"] == "postfix"


def test_a_deed_asks_first_and_is_refused_where_nobody_can_be_asked() -> None:
    done = mtatui("--demo", "service", "stop", "postfix")
    assert done.returncode == 3
    assert "--yes" in done.stderr


def test_a_deed_tells_what_was_run_and_what_came_of_it() -> None:
    done = mtatui("--demo", "service", "reload", "postfix", "--yes")
    assert done.returncode == 0, done.stderr
    assert "ran: postfix reload" in done.stderr
    assert done.stdout == "postfix is reloaded\n"
    done = mtatui("--demo", "service", "stop", "postfix", "--yes")
    assert done.returncode == 1
    assert "it starts and stops with mtatui" in done.stdout


def test_what_cannot_be_done_is_refused() -> None:
    done = mtatui("--demo", "--read-only", "service", "stop", "postfix", "--yes")
    assert (done.returncode, "read-only" in done.stderr) == (3, True)
    done = mtatui("--demo", "service", "restart", "dovecot", "--yes")
    assert (done.returncode, "systemd" in done.stderr) == (3, True)
    done = mtatui("--demo", "service", "stop", "nonsense", "--yes")
    assert done.returncode == 2
    assert "there are: postfix" in done.stderr


def test_the_first_picture_needs_nothing_of_all_this() -> None:
    program = "import sys, mtatui.app; print([n for n in sys.modules if 'services' in n or 'watching' in n])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
