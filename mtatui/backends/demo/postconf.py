"""Stands in for postconf(1): what the demo's main.cf would say."""

from __future__ import annotations

import sys

from mtatui.backends.demo.command import EX_FATAL, EX_OK, options_of, spool_of

_USAGE = "usage: postconf [-hnx] [-c config_dir] [name...]"


def run(arguments: list[str]) -> int:
    """postconf(1): the values of parameters, with -h without their names; all of them where none is named."""
    options, names = options_of("postconf", arguments, "c:hnx", _USAGE, EX_FATAL)
    known = parameters(spool_of(options).home)
    bare = "-h" in dict(options)
    for name in names or known:
        if name in known:
            print(known[name] if bare else f"{name} = {known[name]}")
        else:
            print(f"postconf: warning: {name}: unknown parameter", file=sys.stderr)
    return EX_OK


def parameters(home: str) -> dict[str, str]:
    """The parameters of the Postfix that the demo plays, those that mtatui asks for and some more."""
    return {
        "command_directory": "/usr/sbin",
        "config_directory": home,
        "daemon_directory": "/usr/lib/postfix/sbin",
        "data_directory": f"{home}/data",
        "bounce_queue_lifetime": "5d",
        "enable_long_queue_ids": "no",
        "fast_flush_domains": "static:all",
        "hash_queue_depth": "1",
        "hash_queue_names": "deferred, defer",
        "mail_name": "Postfix",
        "mail_owner": "postfix",
        "mail_version": "3.7.11",
        "maillog_file": f"{home}/mail.log",
        "maximal_backoff_time": "4000s",
        "maximal_queue_lifetime": "5d",
        "minimal_backoff_time": "300s",
        "mydomain": "example.test",
        "myhostname": "mx1.example.test",
        "myorigin": "mx1.example.test",
        "queue_directory": f"{home}/spool",
        "queue_run_delay": "300s",
    }
