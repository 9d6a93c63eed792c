"""A conversation with a daemon of this machine that has an end in time, whatever the daemon does.

It may answer before it has been told everything (clamd does, when a message is too large for it), stand
still, or die in the middle; each of them is told apart.
"""

import errno
import select
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable

    Place = Dict[str, Any]

#: Bytes of an answer that are read; nobody says more who is well.
LONGEST = 1 << 20
_CHUNK = 65536


class Trouble(Exception):
    """There is no answer, or none that helps: in words, as the rest of a sentence that begins with who."""


class Silent(Trouble):
    """It has not answered in time."""


class Talk:
    """A connection to one of the places that a daemon has (``{"paths": […]}``, or host and port)."""

    def __init__(self, place: "Place", patience: float) -> None:
        """Raises Trouble where nobody can be reached; patience is for the whole conversation, in seconds."""
        self.patience = patience
        self.until = time.monotonic() + patience
        try:
            self.socket = _connected(place, patience)
        except socket.timeout:
            raise self._silent() from None
        except OSError as error:
            raise Trouble(words(error)) from None
        self.socket.setblocking(False)
        self.heard = b""

    def converse(self, parts: "Iterable[bytes]") -> bytes:
        """Say it all and listen until it hangs up; or until it does so before the end."""
        try:
            for part in parts:
                if not self._say(part):
                    break
            while self._listen():
                pass
        finally:
            self.socket.close()
        if not self.heard:
            raise Trouble("hung up without an answer: it was stopped, or it died")
        return self.heard

    def _say(self, part: bytes) -> bool:
        """Say something; whether it still listens."""
        unsaid = memoryview(part)
        while unsaid:
            readable, writable, _ = select.select([self.socket], [self.socket], [], self._left())
            if not readable and not writable:
                raise self._silent()
            if readable and not self._hear():
                return False
            if writable:
                try:
                    unsaid = unsaid[self.socket.send(unsaid[:_CHUNK]) :]
                except BlockingIOError:
                    continue
                except OSError:  # it may have answered before it hung up
                    return False
        return True

    def _listen(self) -> bool:
        if not select.select([self.socket], [], [], self._left())[0]:
            raise self._silent()
        return self._hear()

    def _hear(self) -> bool:
        """Hear what has come; whether more may come."""
        try:
            more = self.socket.recv(_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.heard += more
        if len(self.heard) > LONGEST:
            raise Trouble("does not stop talking")
        return bool(more)

    def _left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def _silent(self) -> Silent:
        return Silent("did not answer within %g s: it hangs, or has too much to do" % self.patience)


def words(error: OSError) -> str:
    """Why nobody could be reached."""
    if error.errno == errno.ECONNREFUSED:
        return "does not run: nobody listens there"
    if error.errno == errno.ENOENT:
        return "does not run: there is no such socket"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "may not be asked by this user"
    if error.errno == errno.EAGAIN:
        return "takes no more connections"
    return "cannot be reached: %s" % (error.strerror or error)


def _connected(place: "Place", patience: float) -> "socket.socket":
    if "paths" not in place:
        return socket.create_connection((place["host"], place["port"]), timeout=patience)
    trouble = OSError(errno.ENOENT, "No such file or directory")
    for path in place["paths"]:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(patience)
        try:
            connection.connect(path)
            return connection
        except OSError as error:
            connection.close()
            if isinstance(error, socket.timeout) or error.errno != errno.ENOENT:
                trouble = error
    raise trouble
