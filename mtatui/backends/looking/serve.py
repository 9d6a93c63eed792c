"""Looks at services of this machine: which run, and which answer; and at databases of signatures. Changes
nothing.

It runs on the server, as root or not, on whatever Python is there: standard library only, Python 3.6. What
``/proc`` says of processes is what psutil would read there, too; but that is not on the servers.
"""

import json
import os
import sys
import threading
import time

from . import databases, processes, protocols

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

#: Seconds beyond its patience after which an ask is given up: whoever hangs in the resolver would hold us.
GRACE = 0.5


def look(request: "Dict[str, Any]") -> "Dict[str, Any]":
    """What is to be seen.

    Args:
        request: ``services``, each with its id, where it listens (``places``), ``pid_files``, ``names`` of
            its processes, ``config`` with its ``flags``, and the ``asks`` to be asked; ``patience`` in
            seconds; ``memory``, whether to add that up.

    Returns:
        ``systemd``: whether it manages this machine; for each service by id ``running`` (None for no process
        here), ``local`` (whether it is this machine on which it listens), ``answers`` in the order of asks.
    """
    patience = request["patience"]
    answers = {}  # type: Dict[Any, Any]

    def ask(key: "Any", one: "Dict[str, Any]") -> None:
        answers[key] = protocols.ask(one, patience)

    threads = [
        threading.Thread(target=ask, args=((number, at), one), daemon=True)
        for number, service in enumerate(request["services"])
        for at, one in enumerate(service["asks"])
    ]
    until = time.monotonic() + patience + GRACE
    for thread in threads:
        thread.start()
    places = [place for service in request["services"] for place in service["places"]]
    processes.resolve({place["host"] for place in places if "host" in place}, patience)
    table = processes.Table()
    running = [table.find(service, request["memory"]) for service in request["services"]]
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    found = {}
    for number, service in enumerate(request["services"]):
        silent = {"ok": False, "text": protocols.SILENT % patience}
        said = [answers.get((number, at), silent) for at in range(len(service["asks"]))]
        own = service["places"]
        found[service["id"]] = {
            "running": running[number],
            "local": not own or any(processes.is_here(place) for place in own),
            "answers": said,
        }
    # sd_booted(3)
    return {"systemd": os.path.isdir("/run/systemd/system"), "services": found}


#: What can be looked at.
_WHAT = {
    "services": look,
    "databases": lambda request: databases.look(request, request["patience"]),
    "sources": lambda request: databases.fetch(request, request["patience"]),
}  # type: Dict[str, Any]


def main() -> None:
    """Answer the request on standard input."""
    request = json.load(sys.stdin)
    found = _WHAT[request.get("what", "services")](request)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)  # not waiting for threads that still hang somewhere
