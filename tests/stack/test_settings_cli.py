"""Settings of a real Postfix, by the command line: exit codes, undo, confirm-within, whose lines stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mtatui.settings.catalogue import ALL
from tests.stack.remote import HOST, RELAY_HOST
from tests.stack.settings import BY_HAND, ROOT, SettingsInstance
from tests.tui.terminal import Terminal

pytestmark = pytest.mark.stack

#: Two values for every setting: as one types them. ``{config}`` is the configuration directory, ``{n}`` the
#: number of the loopback network.
VALUES: dict[str, tuple[str, str]] = {
    "inbound.blocked_extensions": ("exe scr tar.gz", ""),
    "inbound.smtpd_reject_unlisted_recipient": ("off", "on"),
    "inbound.smtpd_reject_unlisted_sender": ("on", "off"),
    "inbound.reject_sender_login_mismatch": ("enforce", "off"),
    "inbound.smtpd_sender_login_maps": ("texthash:{config}/owners", ""),
    "inbound.reject_non_fqdn_sender": ("enforce", "off"),
    "inbound.reject_non_fqdn_recipient": ("trial", "off"),
    "inbound.reject_unknown_sender_domain": ("enforce", "off"),
    "inbound.reject_unknown_recipient_domain": ("trial", "off"),
    "inbound.smtpd_helo_required": ("on", "off"),
    "inbound.reject_invalid_helo_hostname": ("enforce", "off"),
    "inbound.reject_non_fqdn_helo_hostname": ("trial", "off"),
    "inbound.reject_unknown_helo_hostname": ("enforce", "off"),
    "inbound.reject_unknown_client_hostname": ("trial", "off"),
    "inbound.reject_unknown_reverse_client_hostname": ("enforce", "off"),
    "inbound.reject_rbl_client": ("bl.test other.test=127.0.0.[2..9]:trial", ""),
    "inbound.reject_rhsbl_client": ("rc.test", ""),
    "inbound.reject_rhsbl_reverse_client": ("rr.test:trial", ""),
    "inbound.reject_rhsbl_sender": ("rs.test", ""),
    "outbound.add_client_ip_header": ("on", "off"),
    "outbound.smtpd_sasl_authenticated_header": ("on", "off"),
    "outbound.smtpd_sasl_auth_enable": ("off", "on"),
    "outbound.require_authentication": ("on", "off"),
    "outbound.smtpd_tls_auth_only": ("on", "off"),
    "outbound.smtpd_tls_security_level": ("encrypt", "may"),
    "outbound.smtp_tls_security_level": ("may", "none"),
    "outbound.mynetworks": ("127.0.0.1/32 !127.77.{n}.7/32 127.77.{n}.0/24", "127.0.0.1/32 127.77.{n}.30/32"),
    "outbound.smtp_helo_name": ("helo.test", "$myhostname"),
    "outbound.myhostname": ("mx2.stack.test", "mail.stack.test"),
    "outbound.mydomain": ("other.test", "stack.test"),
    "outbound.myorigin": ("$mydomain", "$myhostname"),
    "outbound.relayhost": (f"[127.77.{{n}}.{RELAY_HOST}]:25", f"[127.77.{{n}}.{HOST}]:25"),
    "outbound.smtp_fallback_relay": (f"[127.77.{{n}}.{HOST}]:25", ""),
    "outbound.relay_login": ("somebody:-", ""),
    "outbound.message_size_limit": ("20M", "10M"),
}
#: These can be switched on only (test_inbound opens a relay to do so), or not at all without amavis.
ELSEWHERE = {
    "inbound.reject_unauth_destination",
    "inbound.blocked_extensions_notify_admin",
    "inbound.blocked_extensions_notify_recipient",
    *(key for key in ALL if key.startswith("filtering.")),
}


@pytest.fixture(scope="module")
def server() -> Iterator[SettingsInstance]:
    with SettingsInstance() as instance:
        yield instance


def assignments(server: SettingsInstance, which: int) -> list[str]:
    return [
        f"{key}={pair[which].format(config=server.config, n=server.loopback.number)}"
        for key, pair in VALUES.items()
    ]


def set_all(server: SettingsInstance, which: int) -> subprocess.CompletedProcess[str]:
    return server.set(*assignments(server, which), input="a password\n")


def check_all(server: SettingsInstance, which: int) -> None:
    shown = server.shown()
    for assignment in assignments(server, which):
        key, _, text = assignment.partition("=")
        kind = ALL[key].kind
        assert shown[key]["value"] == kind.dump(kind.parse(text)), key


def test_no_setting_is_forgotten() -> None:
    assert VALUES.keys() | ELSEWHERE == ALL.keys()


def test_every_setting_on_and_off_and_every_line_of_the_admin_stays(server: SettingsInstance) -> None:
    before = server.main_cf()
    set_all(server, 0)
    check_all(server, 0)
    assert server.run("postconf", "-n").stderr == b""
    lines = server.main_cf().decode().splitlines()
    for line in BY_HAND.format(config=server.config).splitlines():
        if line.startswith("#") or "texthash" in line or "header_size" in line:
            assert line in lines
    assert set_all(server, 0).stdout == "unchanged\n"
    set_all(server, 1)
    check_all(server, 1)
    assert server.mail().startswith("250 2.0.0 Ok: queued")
    # What is back at its old value has its old line back; what had none may now say its default.
    kept = server.main_cf().decode().splitlines()
    assert [line for line in before.decode().splitlines() if line not in kept] == []
    left = sorted(path.name for path in (server.config / "mtatui").glob("*"))
    assert left == [], "tables of ours"


def test_undo_brings_the_bytes_back(server: SettingsInstance) -> None:
    before = server.main_cf()
    mode, owner = (server.config / "main.cf").stat().st_mode, (server.config / "main.cf").stat().st_uid
    done = set_all(server, 0)
    assert "3 of 3 answer" in done.stderr, "port 25, submission, and submissions inside TLS"
    assert server.main_cf() != before
    [entry, *_] = server.entries()
    assert entry["outcome"] == "applied"
    server.mtatui("history", "undo", entry["entry"], "--yes", "--accept-risk")
    assert server.main_cf() == before
    assert (server.config / "main.cf").stat().st_mode == mode
    assert (server.config / "main.cf").stat().st_uid == owner
    [undo, *_] = server.entries()
    assert undo["undoes"] == entry["entry"]
    assert server.mail().startswith("250 2.0.0 Ok: queued")


def test_what_is_not_confirmed_is_taken_back(server: SettingsInstance) -> None:
    before = server.main_cf()
    done = server.set("inbound.smtpd_helo_required=on", options=("--confirm-within", "2s"))
    assert done.stdout.startswith("awaiting")
    assert server.main_cf() != before
    assert server.mail(greets=False).startswith("503 5.5.1")
    server.wait_until(lambda: server.main_cf() == before, "the guard")
    server.wait_until(lambda: server.entries()[0]["outcome"] == "rolled back", "its word in the history")
    assert server.mail(greets=False).startswith("250 2.0.0 Ok: queued")


def test_what_is_confirmed_stays(server: SettingsInstance) -> None:
    server.set("inbound.smtpd_helo_required=on", options=("--confirm-within", "60s"))
    entry = server.entries()[0]["entry"]
    refused = server.set("inbound.reject_non_fqdn_sender=enforce", code=3)
    assert "waits to be confirmed" in refused.stderr, "one change after the other"
    server.mtatui("history", "confirm", entry)
    assert server.entries()[0]["outcome"] == "applied"
    assert server.mail(greets=False).startswith("503 5.5.1")
    server.set("inbound.smtpd_helo_required=off")


def test_what_fails_its_probe_is_rolled_back(server: SettingsInstance) -> None:
    # The admin's own trick: a restriction that depends on a switch of ours, is misspelt, and works in this
    # directory only: whoever tries it on a copy finds nothing.
    path, was = server.config / "main.cf", server.main_cf()
    here = "{$config_directory/$smtpd_helo_required} == {" + f"{server.config}/yes" + "}"
    line = "smtpd_client_restrictions = ${" + here + " ? {reject_all} : {permit}}\n"
    path.write_bytes(was + line.encode())
    os.utime(path, (0, 0))
    before = server.main_cf()
    failed = server.set("inbound.smtpd_helo_required=on", code=5)
    assert failed.stdout.startswith("rolled back")
    assert "451 4.3" in failed.stderr
    assert server.main_cf() == before
    assert server.mail().startswith("250 2.0.0 Ok: queued")
    [entry, *_] = server.entries()
    assert entry["outcome"] == "rolled back"
    assert "451 4.3" in entry["text"]
    path.write_bytes(was)
    os.utime(path, (0, 0))


@pytest.mark.parametrize("damaged", [False, True])
def test_a_table_that_is_none_is_found_before_anything_is_touched(
    server: SettingsInstance, damaged: bool
) -> None:
    table = f"hash:{server.config}/{'damaged' if damaged else 'missing'}"
    if damaged:
        (server.config / "damaged.db").write_bytes(b"this was a table once" * 100)
    before = server.main_cf()
    refused = server.set(f"inbound.smtpd_sender_login_maps={table}", code=3)
    assert refused.stdout.startswith("refused")
    assert "postmap: fatal: open database" in refused.stderr
    assert server.main_cf() == before
    assert server.mail("anna@here.test", login="anna").startswith("250 2.0.0 Ok: queued")


def test_refusals_touch_nothing(server: SettingsInstance) -> None:
    before = server.main_cf(), (server.config / "main.cf").stat().st_mtime_ns, len(server.entries())
    nobody = server.mtatui("settings", "set", "inbound.smtpd_helo_required=on", code=3)
    assert "--yes" in nobody.stderr
    grave = server.set("outbound.mynetworks=0.0.0.0/0", options=(), code=3)
    assert "--accept-risk" in grave.stderr
    read_only = server.mtatui(
        "--read-only", "settings", "set", "inbound.smtpd_helo_required=on", "--yes", code=3
    )
    assert "read-only" in read_only.stderr
    notify = server.set("inbound.blocked_extensions_notify_admin=on", code=3)
    assert "amavis" in notify.stderr
    for bad in (
        "inbound.no_such_setting=on",
        "outbound.relayhost=[host]\nsmtpd_helo_required = no",
        "inbound.reject_rbl_client=no/zone",
    ):
        server.set(bad, code=2)
    dry = server.mtatui("settings", "set", "inbound.smtpd_helo_required=on", "--dry-run")
    assert "+smtpd_helo_required = yes" in dry.stdout
    assert before == (
        server.main_cf(), (server.config / "main.cf").stat().st_mtime_ns, len(server.entries())
    )  # fmt: skip


def test_what_was_written_by_hand_since_stays_when_a_change_is_undone(server: SettingsInstance) -> None:
    path = server.config / "main.cf"
    server.configure()  # whatever other tests have left
    # A line of the admin's: of one of ours it would not be known any more, with his below it, whose it is.
    before = server.main_cf() + b"smtpd_helo_required = no\n"
    path.write_bytes(before)
    os.utime(path, (0, 0))
    server.set("inbound.smtpd_helo_required=on")
    entry = server.entries()[0]["entry"]
    path.write_bytes(server.main_cf() + b"# by hand, later\n")
    told = server.mtatui("settings", "show")
    assert "by hand" in told.stderr
    server.mtatui("history", "undo", entry, "--yes")
    assert server.main_cf() == before + b"# by hand, later\n"


def test_what_was_changed_while_one_was_thinking_is_not_overwritten(server: SettingsInstance) -> None:
    path = server.config / "main.cf"
    before = server.main_cf()
    argv = [sys.executable, "-m", "mtatui", "-c", str(server.config)]
    with Terminal([*argv, "settings", "set", "inbound.smtpd_helo_required=on"], cwd=str(ROOT)) as terminal:
        terminal.until("Apply?", 30)
        path.write_bytes(before + b"always_bcc = somebody@here.test\n")
        terminal.send("y\r")
        assert terminal.wait(30) == 3
        terminal.settle(0.1, 1)
    said = terminal.output.decode("utf-8", "replace")
    assert "+always_bcc = somebody@here.test" in said, "both versions are shown"
    assert server.main_cf() == before + b"always_bcc = somebody@here.test\n"
    path.write_bytes(before)


def test_an_ordinary_user_looks_and_does_not_touch(server: SettingsInstance) -> None:
    def as_user(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = server.as_user([sys.executable, "-m", "mtatui", *arguments])
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    if as_user("--version").returncode != 0:
        pytest.skip("an ordinary user may not even run this Python")
    before = server.main_cf()
    shown = as_user("settings", "show", "outbound.message_size_limit")
    assert shown.stdout.startswith("outbound.message_size_limit = "), shown.stderr
    refused = as_user("settings", "set", "outbound.message_size_limit=1M", "--yes")
    assert refused.returncode == 4
    assert "root" in refused.stderr
    dry = as_user("settings", "set", "outbound.message_size_limit=1M", "--dry-run")
    assert "+message_size_limit = 1048576" in dry.stdout, dry.stderr
    assert server.main_cf() == before


def test_two_at_once(server: SettingsInstance) -> None:
    argv = [sys.executable, "-m", "mtatui", "-c", str(server.config), "settings", "set", "--yes", "--json"]
    both = [
        subprocess.Popen([*argv, change], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for change in ("inbound.smtpd_helo_required=on", "inbound.reject_non_fqdn_sender=trial")
    ]
    said: list[dict[str, Any]] = []
    for process in both:
        out, err = process.communicate(timeout=60)
        assert "Traceback" not in err
        assert process.returncode in (0, 3), err
        said.append(json.loads(out) if out else {"outcome": "refused"})
    shown = server.shown()
    now = (
        shown["inbound.smtpd_helo_required"]["value"] is True,
        shown["inbound.reject_non_fqdn_sender"]["value"] == "trial",
    )
    assert now == tuple(one["outcome"] == "applied" for one in said), "who was told it is done, it is"
    assert any(now)
    assert server.mail().startswith("250 2.0.0 Ok: queued")


def test_a_profile_brings_back_what_it_was_made_of(server: SettingsInstance) -> None:
    server.set(
        "inbound.smtpd_helo_required=on", "inbound.blocked_extensions=exe", "outbound.message_size_limit=20M"
    )
    profile = server.root / "profile.toml"
    profile.write_text(server.mtatui("settings", "export", "inbound").stdout)
    keys = ("inbound.smtpd_helo_required", "inbound.blocked_extensions", "outbound.message_size_limit")
    server.mtatui("settings", "default", *keys, "--yes")
    assert server.mail(greets=False).startswith("250 2.0.0 Ok: queued")
    different = server.mtatui("settings", "diff", str(profile), code=1).stdout
    assert keys[0] in different
    assert keys[1] in different
    server.mtatui("settings", "apply", str(profile), "--yes")
    server.mtatui("settings", "diff", str(profile))
    assert server.mail(greets=False).startswith("503 5.5.1")
    assert server.shown(keys[2])[keys[2]]["value"] == 10240000, "that page is not in it"


def test_a_stopped_postfix_is_changed_and_not_started(server: SettingsInstance) -> None:
    server.halt()
    try:
        done = server.set("outbound.message_size_limit=30M")
        assert done.stdout.startswith("applied")
        assert "not run" in done.stderr
    finally:
        server.start()
    with server.connect() as client:
        assert client.esmtp_features["size"] == str(30 * 1024 * 1024)


def test_nothing_waits_for_postfix_to_trust_its_file(server: SettingsInstance) -> None:
    """Postfix's commands stall while main.cf is younger than two seconds: not after a change of ours."""
    server.set("outbound.message_size_limit=31M")
    begun = time.monotonic()
    server.run("postconf", "message_size_limit")
    assert time.monotonic() - begun < 1.0
