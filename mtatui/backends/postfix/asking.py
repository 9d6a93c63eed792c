"""Asks this machine's resolver for addresses of names: one name a line comes in, one JSON object goes out.

Started by its path on the server (``python3 -I -S …/asking.py``), because what counts is what *its* resolver
says to Postfix. Standard library only, Python 3.6. Nothing is looked at but the DNS.
"""

import json
import os
import socket
import sys
import threading
import time

#: Seconds until what has not answered counts as silent.
PATIENCE = 8.0


def ask(name: str) -> "list[str] | str":
    """The IPv4 addresses of a name, [] where it has none; else what went wrong, in the system's words."""
    try:
        # The dot at the end keeps the resolver from trying the domains of its own.
        found = socket.getaddrinfo(name + ".", None, socket.AF_INET, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return [] if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA) else str(error.strerror)
    except (OSError, UnicodeError) as error:
        return str(error)
    return sorted({str(address[0]) for *_, address in found})


def main() -> None:
    """Ask for all names side by side."""
    os.environ.setdefault("RES_OPTIONS", "timeout:2 attempts:2")
    names = sys.stdin.read().split()
    answers = dict.fromkeys(names, "no answer in time")  # type: dict[str, list[str] | str]

    def put(name: str) -> None:
        answers[name] = ask(name)

    threads = [threading.Thread(target=put, args=(name,), daemon=True) for name in names]
    until = time.monotonic() + PATIENCE
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    sys.stdout.write(json.dumps(answers) + "\n")
    sys.stdout.flush()
    os._exit(0)  # whoever still waits for the resolver would hold us


if __name__ == "__main__":
    main()
