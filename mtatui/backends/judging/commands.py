"""The one door through which this program starts others: with an end in time, and in output."""

import os
import select
import subprocess
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pwd
    from typing import Callable, Optional, Sequence

#: Seconds between asking a command to end and ending it: it may have files in /tmp to clean up.
GRACE = 2.0


class Ended:
    """What a command said until its end, or until it was stopped."""

    def __init__(self, code: int, out: bytes, errors: bytes, late: bool, cut: bool) -> None:
        self.code = code
        self.out = out
        self.late = late
        """It took too long."""
        self.cut = cut
        """It said more than was to be read."""
        self.errors = errors.decode("utf-8", "replace").strip().split("\n")[-1][:300]
        """The last line of its standard error."""


def run(
    argv: "Sequence[str]",
    patience: float,
    most: int,
    input: bytes = b"",
    account: "Optional[pwd.struct_passwd]" = None,
) -> Ended:
    """Run a command.

    Args:
        patience: seconds.
        most: bytes of output that are kept; one that says more is stopped.
        account: who it shall run as, where we are root.

    Raises:
        OSError: it could not be started.
    """
    until = time.monotonic() + patience
    child = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
        bufsize=0,
        env={
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "LC_ALL": "C",
            "HOME": account.pw_dir if account else os.environ.get("HOME", "/"),
        },
        # Beside other threads; it calls nothing that takes a lock.
        preexec_fn=_becoming(account),  # noqa: PLW1509
    )
    try:
        return _converse(child, until, most, input)
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


def _converse(child: "subprocess.Popen[bytes]", until: float, most: int, input: bytes) -> Ended:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    unsaid = memoryview(input)
    os.set_blocking(child.stdin.fileno(), False)
    out, errors = bytearray(), bytearray()
    open_ = {child.stdout: out, child.stderr: errors}
    if not unsaid:
        child.stdin.close()
    while open_:
        left = until - time.monotonic()
        writing = [child.stdin] if unsaid else []
        readable, writable, _ = select.select(list(open_), writing, [], max(0.0, left))
        if not readable and not writable:
            return Ended(-1, bytes(out), bytes(errors), True, False)
        for pipe in readable:
            data = os.read(pipe.fileno(), 65536)
            open_[pipe] += data
            if not data:
                del open_[pipe]
        if len(out) > most or len(errors) > most:
            return Ended(-1, bytes(out[:most]), bytes(errors[:most]), False, True)
        if writable:
            try:
                unsaid = unsaid[child.stdin.write(unsaid[:65536]) or 0 :]
            except BrokenPipeError:
                unsaid = unsaid[:0]  # it reads no further: what it says is its own
            if not unsaid:
                child.stdin.close()
    try:
        code = child.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Ended(-1, bytes(out), bytes(errors), True, False)
    return Ended(code, bytes(out), bytes(errors), False, False)


def _becoming(account: "Optional[pwd.struct_passwd]") -> "Optional[Callable[[], None]]":
    if account is None:
        return None
    uid, gid = account.pw_uid, account.pw_gid
    groups = os.getgrouplist(account.pw_name, gid)  # here: the child must not ask anybody any more

    def become() -> None:
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)

    return become
