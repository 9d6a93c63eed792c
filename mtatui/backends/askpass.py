"""Hands a question of ssh to mtatui: what ssh starts as its ``SSH_ASKPASS`` (ssh(1), ENVIRONMENT).

Standard library only. The question is ssh's argument; the answer comes over the unix socket that
``MTATUI_ASKPASS`` names, and goes to standard output. No answer is exit status 1. Where something is only
told (``touch your key``) there is none: ssh ends us when that is done.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Ask once; the exit status."""
    question = {"text": " ".join(sys.argv[1:]), "kind": os.environ.get("SSH_ASKPASS_PROMPT", "")}
    with socket.socket(socket.AF_UNIX) as wire:
        try:
            wire.connect(os.environ["MTATUI_ASKPASS"])
            wire.sendall(json.dumps(question).encode() + b"\n")
            answer = b"".join(iter(lambda: wire.recv(65536), b""))
        except (KeyError, OSError):
            return 1
    if not answer.startswith(b"="):
        return 1
    sys.stdout.write(answer[1:].decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
