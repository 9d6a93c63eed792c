"""Services: found in configurations of all kinds; asked in their own protocols, byte by byte; in words."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mtatui.backends.filters.manager import Manager, Unit
from mtatui.backends.host import Completed
from mtatui.backends.host_local import LocalHost
from mtatui.backends.looking import processes, protocols
from mtatui.backends.services import Refused, Running, Service, Services, argv
from mtatui.backends.services.found import Declared, declared
from mtatui.backends.services.places import opendkim_socket, place_of, settings_of
from mtatui.backends.services.words import answering, question, running
from tests.unit.configured import MAIN, MASTER, file, source

CORPUS = Path(__file__).parent / "data" / "main_cf"
QUEUE = "/var/spool/postfix"
FILES = {
    "clamd": ("/etc/clamav/clamd.conf", file(b"# of Debian\nLocalSocket /run/clamav/clamd.ctl\n")),
    "freshclam": ("/etc/clamav/freshclam.conf", file(b"DatabaseMirror database.clamav.net\n")),
    "opendkim": ("/etc/opendkim.conf", file(b"Socket\tlocal:/var/spool/postfix/opendkim/opendkim.sock\n")),
}


def found(main: str = "", master: str = "", files: dict[str, Any] = FILES) -> dict[str, Declared]:
    return {one.id: one for one in declared(source(MAIN + main, MASTER + master), files)}


# --- what is configured ---


def test_nothing_is_counted_on_that_postfix_does_not_ask() -> None:
    services = found()
    assert [one.id for one in services.values() if one.where] == ["postfix", "cyrus"]
    assert "apt install amavisd-new" in services["antispam"].missing
    # What is set up and idle is told so, with its file.
    assert "/etc/clamav/clamd.conf" in services["clamd"].missing
    assert "amavis" in services["clamd"].missing
    assert "nobody needs" in services["freshclam"].missing  # no filter would ask it: Postfix need not name it
    assert "content_filter" not in services["freshclam"].missing
    assert "smtpd_milters" in services["opendkim"].missing


def test_a_filter_with_all_that_belongs_to_it() -> None:
    services = found(
        "content_filter = smtp-amavis:[127.0.0.1]:10024\n"
        "smtpd_milters = unix:opendkim/opendkim.sock, { inet:192.0.2.9:11332, connect_timeout=10s }\n"
        "non_smtpd_milters = $smtpd_milters\n"
    )
    amavis = services["amavis"]
    assert (amavis.role, amavis.where) == ("Antispam", "content_filter, main.cf line 6")
    assert [(ask.protocol, ask.place) for ask in amavis.asks] == [
        ("smtp", {"host": "127.0.0.1", "port": 10024})
    ]
    assert [(ask.protocol, ask.place) for ask in services["clamd"].asks] == [
        ("clamd", {"paths": ["/run/clamav/clamd.ctl"]})
    ]
    assert services["freshclam"].where == "/etc/clamav/freshclam.conf"
    assert services["opendkim"].where == "smtpd_milters, main.cf line 7; /etc/opendkim.conf"
    assert services["rspamd"].asks[0].place == {"host": "192.0.2.9", "port": 11332}
    assert len([one for one in services.values() if one.role in ("DKIM", "Milter")]) == 2


def test_overrides_in_master_cf_count_too() -> None:
    services = found(
        master="2525 inet n - y - - smtpd -o content_filter=spam:x\n"
        "  -o { smtpd_client_restrictions = check_policy_service { unix:private/policyd-spf, timeout=9s } }\n"
        "spam unix - n n - - pipe user=nobody argv=/usr/bin/spamc -d 127.0.0.9 -p 7830 -e sendmail\n"
        "policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf\n"
    )
    assert services["spamd"].where == "content_filter, master.cf line 9: spam, master.cf line 11"
    assert services["spamd"].asks[0].place == {"host": "127.0.0.9", "port": 7830}
    spf = services["policyd-spf"]
    assert spf.within == "postfix"
    assert spf.asks[0].place == {"paths": [f"{QUEUE}/private/policyd-spf"]}


def test_who_knows_the_passwords() -> None:
    dovecot = found("smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n")["dovecot"]
    assert dovecot.where.startswith("smtpd_sasl_auth_enable, master.cf line")
    assert [ask.protocol for ask in dovecot.asks] == ["dovecot", "auth"]
    assert dovecot.listens == ({"paths": [f"{QUEUE}/private/auth"]},)
    sasl = {"sasl": ("/etc/postfix/sasl/smtpd.conf", file(b"pwcheck_method: saslauthd\nmech_list: PLAIN\n"))}
    saslauthd = found(files=sasl)["saslauthd"]
    assert saslauthd.asks[0].place == {"paths": ["/run/saslauthd/mux"]}
    assert found()["cyrus"].within == "postfix"


@pytest.mark.parametrize("name", sorted(path.name for path in CORPUS.iterdir()))
def test_configurations_of_all_kinds(name: str) -> None:
    path = CORPUS / name
    master = path / "master.cf"
    text = master.read_text("utf-8", "surrogateescape") if master.exists() else MASTER
    services = declared(source((path / "main.cf").read_bytes(), text), {})
    ids = [one.id for one in services]
    assert ids[0] == "postfix"
    assert len(ids) == len(set(ids))
    assert {"Postfix", "Antispam", "Antivirus", "Signature updates", "Authentication", "DKIM"} <= {
        one.role for one in services
    }
    assert all(one.where or one.missing for one in services)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("inet:localhost:8891", {"host": "localhost", "port": 8891}),
        ("inet:[::1]:8891", {"host": "::1", "port": 8891}),
        ("[127.0.0.1]:10024", {"host": "127.0.0.1", "port": 10024}),
        ("inet:0.0.0.0:25", {"host": "127.0.0.1", "port": 25}),
        ("unix:private/policy", {"paths": [f"{QUEUE}/private/policy"]}),
        ("local:/run/x.sock", {"paths": [f"{QUEUE}/run/x.sock", "/run/x.sock"]}),
        ("inet:host:nonsense", None),
        ("nonsense", None),
    ],
)
def test_places_as_postfix_writes_them(text: str, place: dict[str, Any] | None) -> None:
    assert place_of(text, QUEUE) == place


def test_places_as_opendkim_writes_them() -> None:
    assert opendkim_socket("inet:8891@localhost") == {"host": "localhost", "port": 8891}
    assert (
        opendkim_socket("local:/run/o.sock") == opendkim_socket("/run/o.sock") == {"paths": ["/run/o.sock"]}
    )
    assert opendkim_socket("") is None


def test_files_of_daemons() -> None:
    said = settings_of(b'# no\nTCPSocket 3310 # yes\nTCPAddr  "127.0.0.1"\nTCPAddr ::1\nExample\n\xff\n')
    assert said["tcpsocket"] == ["3310"]
    assert said["tcpaddr"] == ["127.0.0.1", "::1"]
    assert said["example"] == [""]


# --- asking ---


@contextmanager
def answering_with(say: Callable[[bytes], bytes], greeting: bytes = b"") -> Iterator[dict[str, Any]]:
    """Somebody who listens, greets, and has an answer to what is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(ConnectionError):  # whoever asks has heard enough
                connection.sendall(greeting)
                while data := connection.recv(4096):
                    connection.sendall(say(data))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield {"host": "127.0.0.1", "port": server.getsockname()[1]}
        thread.join(5)


def asked(protocol: str, say: dict[bytes, bytes], greeting: bytes = b"") -> dict[str, Any]:
    """What comes of an ask to which exactly these answers are given."""
    with answering_with(lambda data: say.get(data, b""), greeting) as place:
        return protocols.ask({"protocol": protocol, "place": place}, 1.0)


OPTNEG = b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"


@pytest.mark.parametrize(
    ("protocol", "say", "greeting", "text"),
    [
        ("clamd", {b"zPING\0": b"PONG\0"}, b"", "PONG"),
        ("spamd", {b"PING SPAMC/1.2\r\n\r\n": b"SPAMD/1.5 0 PONG\r\n"}, b"", "PONG"),
        ("milter", {OPTNEG: struct.pack(">Ic", 13, b"O") + b"\0" * 12}, b"", "negotiates"),
        ("smtp", {}, b"220-postscreen teases\r\n", "220-postscreen teases"),
        ("auth", {b"EHLO localhost\r\n": b"250-mx\r\n250 AUTH PLAIN\r\n"}, b"220 mx\r\n", "AUTH PLAIN"),
        (
            "dovecot",
            {b"VERSION\t1\t1\nCPID\t%d\n" % os.getpid(): b"VERSION\t1\t2\nMECH\tPLAIN\nSPID\t9\nDONE\n"},
            b"", "offers PLAIN",
        ),
    ],
)  # fmt: skip
def test_an_answer(protocol: str, say: dict[bytes, bytes], greeting: bytes, text: str) -> None:
    assert asked(protocol, say, greeting) == {"ok": True, "text": text}


def test_a_policy_service_is_asked_what_harms_nobody() -> None:
    heard: list[bytes] = []

    def say(data: bytes) -> bytes:
        heard.append(data)
        return b"action=DUNNO\n\n"

    with answering_with(say) as place:
        assert protocols.ask({"protocol": "policy", "place": place}, 1.0)["ok"]
    assert heard[0].startswith(b"request=smtpd_access_policy\n")
    assert b"\nsender=\nrecipient=postmaster@localhost\n" in heard[0]
    assert heard[0].endswith(b"\n\n")


@pytest.mark.parametrize(
    ("protocol", "say", "greeting", "text"),
    [
        ("clamd", {b"zPING\0": b"UNKNOWN COMMAND\0"}, b"", "answers UNKNOWN COMMAND"),
        ("smtp", {}, b"421 4.3.2 not now\r\n", "greets with 421 4.3.2 not now"),
        ("auth", {b"EHLO localhost\r\n": b"250 mx\r\n"}, b"220 mx\r\n", "without AUTH"),
        ("milter", {}, b"220 no milter", "does not negotiate"),
        ("policy", {}, b"500 what\n\n", "answers 500 what"),
        pytest.param("clamd", {}, b"x" * 70000, "does not stop talking", id="endless"),
        ("clamd", {}, b"", "no answer within 1 s"),
    ],
)
def test_what_is_no_answer_is_told(
    protocol: str, say: dict[bytes, bytes], greeting: bytes, text: str
) -> None:
    said = asked(protocol, say, greeting)
    assert said["ok"] is False
    assert text in said["text"]


def test_who_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    gone = protocols.ask({"protocol": "clamd", "place": {"host": "127.0.0.1", "port": port}}, 1.0)
    assert gone == {"ok": False, "text": "nobody listens there"}
    none = protocols.ask({"protocol": "clamd", "place": {"paths": [f"{tmp_path}/none"]}}, 1.0)
    assert none == {"ok": False, "text": "there is no such socket"}


def test_the_process_is_who_listens(tmp_path: Path) -> None:
    path = f"{tmp_path}/s"
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind(path)
        unix.listen()
        for place in ({"paths": [path]}, {"host": "localhost", "port": tcp.getsockname()[1]}):
            service = {
                "id": "x", "places": [place], "asks": [], "pid_files": [], "names": [], "flags": [],
                "config": "", "standard": True,
            }  # fmt: skip
            request = json.dumps({"patience": 1.0, "memory": True, "services": [service]})
            done = subprocess.run(argv(), input=request.encode(), capture_output=True, check=True, timeout=20)
            seen = json.loads(done.stdout)["services"]["x"]
            assert seen["local"] is True
            assert seen["running"]["pid"] == os.getpid()
            assert 0 < time.time() - seen["running"]["since"] < 86400 * 365
            assert seen["running"]["memory"] > 1 << 20


def test_a_pid_file_of_somebody_else_proves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text(f"{os.getpid()}\n")
    service = {
        "places": [], "pid_files": [str(path)], "names": ["clamd"], "flags": ["-c"], "config": "/nowhere",
        "standard": False,
    }  # fmt: skip
    assert processes.Table().find(service, False) is None
    found = processes.Table().find({**service, "names": ["python", "python3", "pytest"]}, False)
    assert found is None or found["pid"] == os.getpid()


# --- acting ---


class Recorder(LocalHost):
    """Writes down what would be run, and has systemctl know one unit."""

    def __init__(self) -> None:
        super().__init__("mx1")
        self.superuser = True
        self.ran: list[tuple[list[str], bool]] = []

    async def run(self, argv: Sequence[str], *, changes: bool = False, **_: Any) -> Completed:
        self.ran.append(([*argv], changes))
        units = b"Id=a.service\nLoadState=not-found\n\nId=clamd@scan.service\nLoadState=loaded\n"
        if argv[:2] == ["systemctl", "show"]:
            return Completed(tuple(argv), 0, units, b"", 0.0)
        if argv[0] == "systemctl":
            return Completed(tuple(argv), 1, b"", b"Job failed. See journalctl.", 0.0)
        running = {"pid": 7, "since": 1.0, "state": "S", "unit": "", "memory": 0}
        seen = {"clamd": {"running": running, "local": True, "answers": []}}
        return Completed(tuple(argv), 0, json.dumps({"systemd": True, "services": seen}).encode(), b"", 0.0)


def by_systemd(host: LocalHost) -> Services:
    services = Services(host)
    services._systemd = True
    services._declared = [Declared("clamd", "Antivirus", "/etc/clamd.conf")]
    return services


CLAMD = Service("clamd", "Antivirus", "/etc/clamd.conf", True, units=("a.service", "clamd@scan.service"))


async def test_systemd_is_asked_for_the_unit_and_its_words_are_told() -> None:
    host = Recorder()
    acted = await by_systemd(host).act(CLAMD, "restart")
    assert not acted.ok
    assert acted.commands == ("systemctl restart clamd@scan.service",)
    assert "Job failed" in acted.text
    assert [ran for ran in host.ran if ran[1]] == [(["systemctl", "restart", "clamd@scan.service"], True)]


async def test_the_unit_in_which_it_runs_goes_before_names() -> None:
    host = Recorder()
    service = Service("clamd", "Antivirus", "x", True, Running(7, 1.0, 0, "my-clamd.service"))
    acted = await by_systemd(host).act(service, "stop")
    assert acted.commands == ("systemctl stop my-clamd.service",)


async def test_what_cannot_be_done_is_refused() -> None:
    host = Recorder()
    services = by_systemd(host)
    for service, why in (
        (Service("clamd", "Antivirus", ""), "not configured"),
        (Service("rspamd", "Milter", "smtpd_milters"), "another machine"),
        (Service("cyrus", "Authentication", "x", within="postfix"), "within postfix"),
    ):
        with pytest.raises(Refused, match=why):
            await services.act(service, "stop")
    services._systemd = False
    with pytest.raises(Refused, match="systemd"):
        await services.act(CLAMD, "stop")
    assert host.ran == []


async def test_init_scripts_where_systemd_is_not() -> None:
    """But only for what they would start: another instance is somebody else's."""
    host = Recorder()
    services = by_systemd(host)
    services._systemd = False
    services._scripts = {"clamd": Unit(Manager.SYSV, "clamav-daemon")}
    assert services.why_not(CLAMD) == ""
    acted = await services.act(CLAMD, "reload")
    assert acted.commands == ("service clamav-daemon force-reload",)
    services._declared = [Declared("clamd", "Antivirus", "/srv/clamd.conf", standard=False)]
    services._systemd = False
    assert "nobody knows how" in services.why_not(CLAMD)


# --- words ---


def test_words() -> None:
    service = Service(
        "clamd", "Antivirus", "x", True, Running(7, 1000.0, 3 << 20, ""), answering=True, said="PONG"
    )
    assert running(service, 1000.0 + 7200) == "✔ 2h, 3.0 M"
    assert answering(service) == "✔ PONG"
    assert running(Service("rspamd", "Milter", "x"), 0) == "elsewhere"
    assert "No mail is taken" in question(Service("postfix", "Postfix", "x"), "stop")[0]
