"""Record what this machine's Postfix commands say: ``scripts/record-contract``, as root. See `recording`.

The queue stands still while it is recorded, with qmgr and pickup frozen.
"""

from __future__ import annotations

import subprocess

from mtatui.backends.postfix.tools import PARTS
from tests.contract.recording import DATA, Names, Recording, save, save_spool
from tests.stack.oddities import send_oddities
from tests.stack.postfix import PostfixInstance

#: A queue ID of no message.
GONE = "4jXZZZZZZZzGone"


class Recorder:
    """Runs commands on an instance and keeps what came of them."""

    def __init__(self, instance: PostfixInstance) -> None:
        self.instance = instance
        self.recordings: list[Recording] = []

    def __call__(self, name: str, *argv: str, input: str = "", root: bool = True) -> bytes:
        command, *arguments = argv
        full = self.instance.argv(command, *arguments) if root else self.instance.as_user(argv)
        done = subprocess.run(full, input=input.encode(), capture_output=True, timeout=60, check=False)
        path = str(self.instance.root).encode()
        self.recordings.append(
            Recording(
                name, argv, input.encode(), root, done.returncode,
                done.stdout.replace(path, b"/stack"), done.stderr.replace(path, b"/stack"),
            )
        )  # fmt: skip
        return done.stdout


def fill(instance: PostfixInstance) -> Names:
    """Fill the queue with everything that is worth a recording; the IDs that the commands will name."""
    instance.make_busy()
    send_oddities(instance)
    origin = {
        "NAME": "evil.example",
        "ADDR": "IPV6:2001:db8::66",
        "HELO": "[10.0.0.1]",
        "LOGIN": "joe@sender.test",
    }
    names = {
        word: instance.send("me@sender.test", f"{word}@full.test", xclient=origin)
        for word in (
            "plain",
            "second",
            "third",
            "doomed",
            "doomed2",
            "again",
            "again-held",
            "kept",
            "expiring",
        )
    }
    instance.wait_until(lambda: len(instance.queue_ids("active", "incoming")) == 1, "the queue to settle")
    instance.postsuper("h", [names["again-held"], names["kept"]])
    [names["active"]] = instance.queue_ids("active")
    [names["corrupt"]] = instance.queue_ids("corrupt")
    return names


def record_looking(record: Recorder, names: Names) -> None:
    """What does not change the queue, and what asks the frozen queue manager to act."""
    record("list", "postqueue", "-j")
    record("list-as-user", "postqueue", "-j", root=False)
    for part, option in PARTS.items():
        record(f"cat-{part}", "postcat", "-q", option, names["plain"])
    record("cat-all", "postcat", "-q", names["plain"])
    record("cat-maildrop", "postcat", "-q", "-e", names["maildrop"])
    record("cat-corrupt", "postcat", "-q", "-bh", names["corrupt"])
    record("cat-gone", "postcat", "-q", "-bh", GONE)
    record("cat-invalid", "postcat", "-q", "-bh", "../../etc/passwd")
    record("cat-as-user", "postcat", "-q", "-bh", names["plain"], root=False)
    record("conf-version", "postconf", "-x", "mail_version")
    record("conf-many", "postconf", "-x", "queue_directory", "hash_queue_names", "no_such_parameter")
    record("conf-default", "postconf", "-d", "hash_queue_names", "maximal_queue_lifetime")
    record("conf-set", "postconf", "-n")
    record("status", "postfix", "status")
    record("super-as-user", "postsuper", "-h", "-", input=names["plain"] + "\n", root=False)
    record("site", "postqueue", "-s", "dead.test")
    record("site-refused", "postqueue", "-s", "elsewhere.example")
    record("deliver", "postqueue", "-i", names["third"])
    record("deliver-gone", "postqueue", "-i", GONE)
    record("deliver-invalid", "postqueue", "-i", "no/such")
    record("deliver-as-user", "postqueue", "-i", names["second"], root=False)
    record("flush", "postqueue", "-f")


def record_down(record: Recorder, names: Names) -> None:
    """The same with the mail system down: no postlogd then, and postsuper dies of its first line of log."""
    record("down-list", "postqueue", "-j")
    record("down-list-as-user", "postqueue", "-j", root=False)
    record("down-flush", "postqueue", "-f")
    record("down-site", "postqueue", "-s", "dead.test")
    record("down-status", "postfix", "status")
    record("down-hold", "postsuper", "-h", "-", input=names["plain"] + "\n" + names["second"] + "\n")


def record_acting(record: Recorder, names: Names) -> None:
    """Everything that postsuper does for us."""

    def ids(*words: str) -> str:
        return "".join(names.get(word, word) + "\n" for word in words)

    record("hold", "postsuper", "-h", "-", input=ids("plain", "second", "active", GONE, "kept", "no/such"))
    record("release", "postsuper", "-H", "-", input=ids("plain", "third", GONE))
    record("bounce", "postsuper", "-f", "-", input=ids("expiring", "kept", GONE))
    record("expire", "postsuper", "-e", "-", input=ids("again"))
    record("requeue", "postsuper", "-r", "-", input=ids("again", "again-held", GONE))
    record("delete", "postsuper", "-d", "-", input=ids("doomed", "kept", "doomed2", GONE))
    record("delete-none", "postsuper", "-d", "-", input=ids(GONE))
    record("delete-empty", "postsuper", "-d", "-")
    record("delete-corrupt", "postsuper", "-d", "-", "corrupt", input=ids("corrupt"))
    record("delete-one-directory", "postsuper", "-d", "-", "hold", input=ids("third"))
    record("hold-all", "postsuper", "-h", "ALL")
    record("release-all", "postsuper", "-H", "ALL")
    stray = record.instance.queue / "hold" / "4jXYYYYYYYzStray"
    stray.write_bytes(b"")
    stray.chmod(0o700)
    record("check-hold", "postsuper", "-s", "hold")


def record_refused(record: Recorder) -> None:
    """An ordinary user who may not look and not flush."""
    record.instance.configure(authorized_mailq_users="root", authorized_flush_users="root")
    record("refused-list", "postqueue", "-j", root=False)
    record("refused-flush", "postqueue", "-f", root=False)
    record("refused-deliver", "postqueue", "-i", GONE, root=False)
    (record.instance.config / "main.cf").unlink()
    record("unconfigured-list", "postqueue", "-j", root=False)
    record("unconfigured-conf", "postconf", "-h", "queue_directory", root=False)


def main() -> None:
    """Record them all, in place of what was recorded for this version of Postfix before."""
    DATA.mkdir(exist_ok=True)
    with PostfixInstance() as instance:
        names = fill(instance)
        version = instance.postconf("mail_version")
        record = Recorder(instance)
        with instance.frozen("qmgr"), instance.frozen("pickup"):
            instance.send("fresh@sender.test", "fresh@full.test")
            instance.submit(b"Subject: new\n\nx\n", "-f", "local@sender.test", "dropped@full.test")
            [names["incoming"]] = instance.queue_ids("incoming")
            [names["maildrop"]] = instance.queue_ids("maildrop")
            save_spool(version, instance.queue)
            record_looking(record, names)
            record_acting(record, names)
        instance.halt()
        record_down(record, names)
        record_refused(record)
        save(version, names, record.recordings)
    print(f"{len(record.recordings)} commands of Postfix {version} recorded in {DATA}")


if __name__ == "__main__":
    main()
