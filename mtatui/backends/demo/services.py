"""Stands in for the look at services: in the demo whatever is configured runs, and answers.

Standard library only; a program of its own (see ``__main__.py``).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from mtatui.backends.looking import databases

#: What each answers, by protocol.
_SAYS = {
    "smtp": "220 mx1.example.test ESMTP Postfix (Debian/GNU)",
    "auth": "AUTH PLAIN LOGIN",
    "clamd": "PONG",
    "spamd": "PONG",
    "milter": "negotiates",
    "policy": "action=DUNNO",
    "dovecot": "offers PLAIN LOGIN",
}
_AMAVIS = "220 [127.0.0.1] ESMTP amavisd-new service ready"
#: Seconds for which they have been running: since the last update of the system, nearly a fortnight ago.
_UPTIME = 12 * 86400 + 7 * 3600
_MEMORY = 9 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Answer the request on standard input, as `mtatui.backends.looking.serve` does."""
    since = os.stat(arguments[0]).st_mtime - _UPTIME
    request = json.load(sys.stdin)
    if request.get("what") == "databases":
        json.dump(databases.look(request, request["patience"]), sys.stdout)
        return 0
    if request.get("what") == "sources":
        nobody = {"status": 0, "trouble": "the demo asks nobody in the network"}
        json.dump([nobody for _ in request["urls"]], sys.stdout)
        return 0
    services = request["services"]
    json.dump(
        {"systemd": False, "services": {one["id"]: _played(one, since) for one in services}}, sys.stdout
    )
    return 0


def _played(one: dict[str, Any], since: float) -> dict[str, Any]:
    running = {"pid": 812, "since": since, "state": "S", "unit": "", "memory": _MEMORY}
    says = _SAYS | ({"smtp": _AMAVIS} if one["id"] == "amavis" else {})
    answers = [{"ok": True, "text": says.get(ask["protocol"], "takes connections")} for ask in one["asks"]]
    return {"running": running, "local": True, "answers": answers}
