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
        self.busy = False
        """Somebody is asked, or told what to do, and ssh waits."""
        self.notice = ""
        """What the person is told to do now (``touch your key``); no answer is waited for."""
        self._server = server
        self._on_prompt = on_prompt
        self._directory = ""
        self._socket: socket.socket | None = None
        self._wire: socket.socket | None = None

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
        for one in (self._socket, self._wire):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
        if self._socket is not None:
            self._socket.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """What ssh must know to ask here."""
        return {
            "SSH_ASKPASS": f"{self._directory}/ask",
            "SSH_ASKPASS_REQUIRE": "force",
            # Before 8.4 it asks so only where it has no terminal (ours has none) and sees a display.
            "DISPLAY": os.environ.get("DISPLAY") or ":",
            "MTATUI_ASKPASS": f"{self._directory}/socket",
        }

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                wire, _ = listening.accept()
            except OSError:
                return
            self._wire = wire
            try:
                with wire, contextlib.suppress(OSError, ValueError, KeyError):
                    self._hear(wire)
            finally:
                self.busy = False

    def _hear(self, wire: socket.socket) -> None:
        with wire.makefile("rb") as lines:
            question = json.loads(lines.readline(_LONGEST))
        text = clean(str(question["text"]), lines=True).strip()
        kind = str(question["kind"])
        self.busy = True
        if kind == "none":
            self._tell(wire, text)
        elif (answer := self._answer(text, kind)) is not None:
            wire.sendall(b"=" + answer.encode())

    def _tell(self, wire: socket.socket, text: str) -> None:
        """Tell the person until ssh wants that no longer: then it ends the one that told us."""
        self.notice = text
        try:
            wire.recv(1)
        finally:
            self.notice = ""

    def _answer(self, text: str, kind: str) -> str | None:
        """What the person says."""
        yes_or_no = kind == "confirm" or "(yes/no" in text
        prompt = Prompt(self._server, text, secret=not yes_or_no, confirm=yes_or_no)
        answer = None if self.declined else self._on_prompt(prompt)
        self.declined = self.declined or answer is None
        return answer
