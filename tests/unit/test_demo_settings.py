"""The demo's configuration and its services: what postconf says of them, and what a client hears."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import smtplib
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtatui.backends.demo import etc, filters
from mtatui.backends.demo.configuration import Configuration
from mtatui.backends.host_demo import DemoHost
from mtatui.cli.assignments import parse, resolve
from mtatui.server import Server
from mtatui.settings.plan import Plan


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoHost]:
    memory = "/dev/shm"
    with tempfile.TemporaryDirectory(dir=memory if os.path.isdir(memory) else None) as path:
        monkeypatch.setenv("XDG_RUNTIME_DIR", path)
        host = DemoHost()
        host.command(["postconf"])
        try:
            yield host
        finally:
            host.close()


def ports(demo: DemoHost) -> list[int]:
    """Where it listens: port 25, submission, submissions."""
    text = Path(demo.home, "etc", "master.cf").read_text()
    return [int(port) for port in re.findall(r"(?m)^127\.0\.0\.1:(\d+) inet", text)]


def play(demo: DemoHost, *argv: str, input: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        demo.command(argv), input=input, capture_output=True, text=True, timeout=20, check=False
    )


def configure(demo: DemoHost, old: str, new: str) -> None:
    path = Path(demo.home, "etc", "main.cf")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def main_cf(demo: DemoHost) -> bytes:
    return Path(demo.home, "etc", "main.cf").read_bytes()


def processes(home: str) -> list[str]:
    """Whose command line names the demo's home."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it ended while we looked
            if home.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


def probe(port: int, tls: bool = False) -> int:
    """The reply to a recipient of a small session."""
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        session: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, timeout=20, context=context)
    else:
        session = smtplib.SMTP("127.0.0.1", port, timeout=20)
    with session:
        session.ehlo("client.test")
        code, _ = session.mail("")
        if code == 250:
            code, _ = session.rcpt("postmaster@[127.0.0.1]")
    return code


def test_its_services_answer(demo: DemoHost) -> None:
    smtp, submission, submissions, reinjection = ports(demo)
    assert probe(smtp) == 250
    assert probe(reinjection) == 250
    assert probe(submission) == 530, "it wants TLS, as its -o says"
    assert probe(submissions, tls=True) == 250
    with smtplib.SMTP("127.0.0.1", submission, timeout=20) as session:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        session.ehlo("client.test")
        assert not session.has_extn("auth")
        session.starttls(context=context)
        session.ehlo("client.test")
        assert session.has_extn("auth")
        assert session.mail("me@example.test")[0] == 250


@pytest.mark.parametrize(
    ("broken", "code"), [("reject_nonsense", 451), ("check_client_access hash:/no/such/table", 451)]
)
def test_what_breaks_postfix_breaks_it_after_a_reload(demo: DemoHost, broken: str, code: int) -> None:
    (smtp, *_) = ports(demo)
    configure(demo, "    check_policy_service", f"    {broken},\n    check_policy_service")
    assert probe(smtp) == 250
    assert play(demo, "postfix", "check").returncode == 0, "Postfix does not notice, either"
    assert play(demo, "postfix", "reload").returncode == 0
    assert probe(smtp) == code
    configure(demo, f"    {broken},\n", "")
    play(demo, "postfix", "reload")
    assert probe(smtp) == 250


def test_a_switch_that_is_none_kills_its_daemon_and_is_seen_in_a_session(demo: DemoHost) -> None:
    (smtp, *_) = ports(demo)
    stage = f"{demo.home}/stage"
    shutil.copytree(f"{demo.home}/etc", stage)
    main = Path(stage, "main.cf")
    main.write_text(
        main.read_text().replace("smtpd_sasl_auth_enable = yes", "smtpd_sasl_auth_enable = maybe")
    )
    said = play(demo, "sendmail", "-C", stage, "-bs", input="QUIT\r\n")
    assert "fatal: bad boolean configuration: smtpd_sasl_auth_enable = maybe" in said.stderr
    well = play(demo, "sendmail", "-bs", input="EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nQUIT\r\n")
    assert [line[:4] for line in well.stdout.splitlines()][-4:] == ["250 ", "250 ", "250 ", "221 "]
    configure(demo, "smtpd_sasl_auth_enable = yes", "smtpd_sasl_auth_enable = maybe")
    play(demo, "postfix", "reload")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        probe(smtp)
    log = Path(demo.home, "mail.log").read_text()
    assert "smtpd[" in log
    assert "fatal: bad boolean configuration" in log


def test_check_refuses_what_every_command_stumbles_over(demo: DemoHost) -> None:
    configure(demo, "message_size_limit = 26214400", "message_size_limit = 25M")
    done = play(demo, "postfix", "check")
    assert done.returncode == 1
    assert "bad numerical configuration: message_size_limit = 25M" in done.stderr


def test_all_parameters_are_known(demo: DemoHost) -> None:
    said = play(demo, "postconf", "-d").stdout.splitlines()
    assert len(said) > 900
    assert "smtpd_helo_required = no" in said
    explicit = play(demo, "postconf", "-n").stdout.splitlines()
    assert "smtpd_sasl_auth_enable = yes" in explicit
    assert not play(demo, "postconf", "-n").stderr


def test_it_runs_as_master_does(demo: DemoHost) -> None:
    from mtatui.backends.transaction import master

    assert master.pid(f"{demo.home}/spool") == demo._life.pid


# -- changing it -------------------------------------------------------------------------------------------


async def planned(server: Server, *words: str) -> Plan:
    reading = await server.configuration.read()
    return server.configuration.plan(reading, resolve(parse(words), reading))


async def test_a_change_is_applied_for_its_services_too_and_undone(demo: DemoHost) -> None:
    server = Server(demo)
    before = main_cf(demo)
    findings = {finding.id for finding in (await server.configuration.read()).findings}
    assert "greeting-not-required" in findings
    (smtp, *_) = ports(demo)
    applied = await server.configuration.apply(await planned(server, "inbound.smtpd_helo_required=on"))
    assert applied.outcome == "applied", applied.text
    with smtplib.SMTP("127.0.0.1", smtp, timeout=20) as session:
        assert session.docmd("MAIL FROM:<>")[0] == 503
    reading = await server.configuration.read()
    assert "greeting-not-required" not in {finding.id for finding in reading.findings}
    [entry] = await server.configuration.history()
    assert (
        await server.configuration.apply(await server.configuration.undo_plan(entry))
    ).outcome == "applied"
    assert main_cf(demo) == before


async def test_a_change_that_makes_it_ill_is_taken_back(demo: DemoHost) -> None:
    server = Server(demo)
    before = main_cf(demo)
    plan = await planned(server, f"inbound.smtpd_sender_login_maps=ldap:{demo.home}/etc/owners.ldap")
    applied = await server.configuration.apply(plan)
    assert applied.outcome == "rolled back", applied.text
    assert "451 4.3.0" in applied.text
    assert main_cf(demo) == before
    assert probe(ports(demo)[0]) == 250


async def test_a_table_that_is_not_there_is_found_before_anything_is_touched(demo: DemoHost) -> None:
    server = Server(demo)
    plan = await planned(server, "outbound.mynetworks=127.0.0.0/8 hash:/no/such/table")
    applied = await server.configuration.apply(plan)
    assert applied.outcome == "refused"
    assert "/no/such/table.db: No such file or directory" in applied.text


async def test_the_log_has_counted_what_is_on_trial(demo: DemoHost) -> None:
    server = Server(demo)
    log = Path(demo.home, "mail.log")
    wait_until(lambda: log.exists() and log.read_bytes().count(b"reject_warning") >= 249, "two weeks of log")
    counted = await server.trials()
    assert counted["inbound.reject_non_fqdn_helo_hostname"].number == 37
    assert counted["bl.spamcop.net"].number == 212


async def test_nothing_is_left_of_a_demo_in_which_a_change_waits(demo: DemoHost) -> None:
    server = Server(demo)
    plan = await planned(server, "inbound.smtpd_helo_required=on")
    assert (await server.configuration.apply(plan, confirm_within=600)).outcome == "awaiting"
    assert processes(demo.home)
    demo.close()
    wait_until(lambda: not (processes(demo.home) or os.path.exists(demo.home)), "its guard to end")


# -- beside the real one -----------------------------------------------------------------------------------


@pytest.mark.stack
@pytest.mark.parametrize(
    "options",
    ["-n", "-nx", "-M", "-P", "-h mynetworks", "-x smtpd_banner nosuch", "-d"],
)
def test_the_real_postconf_says_the_same(demo: DemoHost, options: str) -> None:
    directory = f"{demo.home}/etc"
    real = subprocess.run(
        ["postconf", "-c", directory, *options.split()],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    played = play(demo, "postconf", *options.split())
    # The machine's own name and networks, and the process.
    here = re.compile(r"(?:myhostname|mydomain|mynetworks|process_id) = .*")
    lines = [[here.sub("", line) for line in said.splitlines()] for said in (real.stdout, played.stdout)]
    assert lines[1] == lines[0]
    assert played.stderr == real.stderr


@pytest.mark.stack
def test_the_real_postfix_has_nothing_to_say_against_it(demo: DemoHost) -> None:
    home = demo.home
    with contextlib.suppress(FileNotFoundError):
        Path(home, "mail.log").unlink()
    done = subprocess.run(
        ["postconf", "-c", f"{home}/etc"], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stderr == ""


def test_an_odd_file_is_read_as_postfix_reads_it(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(
        "a = one\n# comment\n\ttwo\n\n  three\nb=${a} $(a) $a\na = four\n  # inside\n five\n"
        "queue_directory = /x/spool\n"
    )
    (tmp_path / "master.cf").write_text(
        "smtp inet n - y - - smtpd\n# comment\n -o a=b -o { c = d e }\n -og=h\n"
    )
    found = Configuration(str(tmp_path))
    assert found.explicit["a"] == "four five"
    assert found.value("b") == "four five four five four five"
    assert found.services[0].overrides == {"a": "b", "c": "d e", "g": "h"}
    assert found.value("a", found.services[0]) == "b"
    assert found.home == "/x"


def test_what_is_there_to_see(tmp_path: Path) -> None:
    etc.make(str(tmp_path), dict.fromkeys((*etc.SERVICES, *filters.SERVICES), 25))
    assert "warn_if_reject" in (tmp_path / "etc" / "main.cf").read_text()
    assert "@" not in (tmp_path / "etc" / "main.cf").read_text()
    assert "@" not in (tmp_path / "etc" / "master.cf").read_text()
    assert os.stat(tmp_path / "etc" / "tls" / "mx1.example.test.key").st_mode & 0o777 == 0o600
