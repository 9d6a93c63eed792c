"""Stands in for sendmail(1), as far as ``-bs``: an SMTP session on standard input and output."""

from __future__ import annotations

from mtatui.backends.demo.command import EX_FATAL, EX_OK, Fatal, lines, options_of
from mtatui.backends.demo.configuration import Configuration
from mtatui.backends.demo.session import Session

_USAGE = "usage: sendmail [-C config_dir] -bs"


def run(arguments: list[str]) -> int:
    """``sendmail -C DIR -bs``: what smtpd(8) would say of this configuration."""
    options, rest = options_of("sendmail", arguments, "C:b:", _USAGE, EX_FATAL)
    if rest or dict(options).get("-b") != "s":
        raise Fatal("this is the demo: it takes no mail")
    session = Session(Configuration(dict(options).get("-C", "")))
    print(session.greeting(), end="\r\n", flush=True)
    for line in lines():
        print(session.answer(line), end="\r\n", flush=True)
        if session.over:
            break
    return EX_OK
