"""Where the questions of an ssh arrive: a unix socket in a directory of one's own, one for each connection.

ssh has no terminal here; it starts a program that asks for it (``SSH_ASKPASS_REQUIRE=force``, OpenSSH 8.4).
What is answered goes to that program and is kept nowhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping

from mtatui.backends import askpass
from mtatui.backends.host import Prompt
from mtatui.text import clean

_LONGEST = 65536


class Asking:
    """Answers one ssh while it opens its connection; use it as a context."""

    def __init__(self, server: str, on_prompt: Callable[[Prompt], str | None]) -> None:
        self.declined = False
        """The person would not answer."""
        self.asked = False
        self._server = server
        self._on_prompt = on_prompt
        self._directory = ""
        self._socket: socket.socket | None = None

    def __enter__(self) -> Asking:
        self._directory = tempfile.mkdtemp(prefix="mtatui-")  # mode 0700
        script = f"{self._directory}/ask"
        with open(script, "x", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-I", "-S", askpass.__file__])} "$@"\n')
        os.chmod(script, 0o700)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(f"{self._directory}/socket")
        self._socket.listen(4)
        threading.Thread(target=self._serve, args=(self._socket,), name="askpass", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """What ssh must know to ask here."""
        return {
            "SSH_ASKPASS": f"{self._directory}/ask",
            "SSH_ASKPASS_REQUIRE": "force",
            "MTATUI_ASKPASS": f"{self._directory}/socket",
        }

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                wire, _ = listening.accept()
            except OSError:
                return
            with wire, contextlib.suppress(OSError, ValueError, KeyError):
                with wire.makefile("rb") as lines:
                    question = json.loads(lines.readline(_LONGEST))
                answer = self._answer(str(question["text"]), str(question["kind"]))
                if answer is not None:
                    wire.sendall(b"=" + answer.encode())

    def _answer(self, text: str, kind: str) -> str | None:
        """What the person says. Where something is only told (``touch your key``) nobody waits for that."""
        if kind == "none":
            return ""
        text = clean(text, lines=True).strip()
        yes_or_no = kind == "confirm" or "(yes/no" in text
        prompt = Prompt(self._server, text, secret=not yes_or_no, confirm=yes_or_no)
        self.asked = True
        answer = None if self.declined else self._on_prompt(prompt)
        self.declined = self.declined or answer is None
        return answer
