"""Services that stand still: what is seen of a server that is none, for pictures and keys."""

from __future__ import annotations

from dataclasses import replace

from mtatui.backends.host_local import LocalHost
from mtatui.backends.services import Acted, Running, Service, Services

#: Sunday 22 November 2026, 15:20:00 UTC.
NOW = 1795360800
_DAY = 86400


def _runs(pid: int, days: float, megabytes: float) -> Running:
    return Running(pid, NOW - days * _DAY, int(megabytes * 1048576), "")


def _service(id: str, role: str, where: str, said: str, running: Running | None, **other: object) -> Service:
    service = Service(id, role, where, running is not None, running, answering=True, said=said)
    return replace(service, **other)  # type: ignore[arg-type]  # fields by name


SERVICES = (
    _service("postfix", "Postfix", "/etc/postfix/main.cf", "220 mx1.example.test ESMTP Postfix",
             _runs(812, 12.3, 34)),
    _service("amavis", "Antispam", "content_filter, main.cf line 41",
             "220 [127.0.0.1] ESMTP amavis service ready", _runs(1400, 12.3, 311)),
    _service("clamd", "Antivirus", "/etc/clamav/clamd.conf", "PONG", _runs(1402, 3.1, 1290)),
    _service("freshclam", "Signature updates", "/etc/clamav/freshclam.conf", "it takes no questions",
             _runs(990, 12.3, 12), answering=None),
    _service("dovecot", "Authentication", "smtpd_sasl_auth_enable, main.cf line 30",
             "offers PLAIN LOGIN; AUTH PLAIN LOGIN", _runs(1010, 12.3, 22)),
    Service("opendkim", "DKIM", "", said="not configured",
            advice="Nothing signs mail. Debian: apt install opendkim opendkim-tools; then name it in "
            "smtpd_milters and non_smtpd_milters."),
    _service("policyd-spf", "Policy service", "smtpd_recipient_restrictions, main.cf line 75; "
             "master.cf line 58", "action=DUNNO", None, runs=None, within="postfix"),
)  # fmt: skip


class StillServices(Services):
    """Services of a server that is none: they are what they are set to."""

    def __init__(self, host: LocalHost) -> None:
        super().__init__(host)
        self._systemd = True
        self.services = {service.id: service for service in SERVICES}
        self.looks = 0

    def kill(self, id: str) -> None:
        """It does not run any more."""
        self.services[id] = replace(
            self.services[id], runs=False, running=None, answering=False,
            said="not running; /run/clamav/clamd.ctl: nobody listens there",
            advice=f"Start it: mtatui service start {id}; its own log says why it ended.",
        )  # fmt: skip

    async def look(self) -> list[Service]:
        self.looks += 1
        return [*self.services.values()]

    async def watch(self) -> list[Service]:
        return [service for service in self.services.values() if service.configured and not service.within]

    async def act(self, service: Service, deed: str) -> Acted:
        if deed == "stop":
            self.kill(service.id)
        else:
            self.services[service.id] = next(one for one in SERVICES if one.id == service.id)
        words = {"stop": "is stopped", "start": "is started and answers", "reload": "is reloaded"}
        after = self.services[service.id]
        return Acted(after, True, f"{after.id} {words[deed]}", (f"systemctl {deed} {after.id}.service",))
