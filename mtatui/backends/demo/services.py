"""Stands in for the look at services: in the demo whatever is configured runs, and answers.

Standard library only; a program of its own (see ``__main__.py``).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

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
#: Seconds for which they have been running: since the last update of the system, nearly a fortnight ago.
_UPTIME = 12 * 86400 + 7 * 3600
_MEMORY = 9 * 1024 * 1024


def main(arguments: list[str]) -> int:
    """Answer the request on standard input, as `mtatui.backends.looking.serve` does."""
    since = os.stat(arguments[0]).st_mtime - _UPTIME
    services = json.load(sys.stdin)["services"]
    json.dump(
        {"systemd": False, "services": {one["id"]: _played(one, since) for one in services}}, sys.stdout
    )
    return 0


def _played(one: dict[str, Any], since: float) -> dict[str, Any]:
    running = {"pid": 812, "since": since, "state": "S", "unit": "", "memory": _MEMORY}
    answers = [{"ok": True, "text": _SAYS.get(ask["protocol"], "takes connections")} for ask in one["asks"]]
    return {"running": running, "local": True, "answers": answers}
