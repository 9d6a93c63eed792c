"""The frames between mtatui and the envoy, and what both ends of the wire agree on.

A frame is a channel, a kind, a length and that many bytes. A channel is one command with its standard input,
output and errors, or one question. Each direction of a channel has a window: no more bytes are sent than
that before the other end has given credit, so that nobody's memory fills up whoever is slow.
"""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = struct.Struct(">IBI")
NUMBER = struct.Struct(">I")
STATUS = struct.Struct(">i")

#: Bytes: of one frame, and of one direction of a channel before there must be credit.
LARGEST = 256 * 1024
WINDOW = 1024 * 1024

#: To the envoy.
START, DATA, END, KILL, CREDIT, PROGRAM, ASK, PING = range(1, 9)
#: From the envoy.
OUT, ERR, EXIT, FAILED, TAKEN, TOLD, PONG = range(0x11, 0x18)

#: What the line begins with that says that the envoy has come; a nonce and a JSON object follow. What comes
#: before is the noise of a login.
GREETING = b"MTATUI-ENVOY "
DIGEST = 32
#: Seconds: mtatui says something at least so often; who has not heard of it for so long is alone.
BEAT, SILENCE = 60.0, 240.0


class Nonsense(Exception):
    """What came is no frame."""


def frame(channel: int, kind: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return HEADER.pack(channel, kind, len(payload)) + payload


class Frames:
    """Takes bytes as they come, and gives whole frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, data: bytes) -> "Iterator[tuple[int, int, bytes]]":
        """The frames that are whole now: channel, kind, payload.

        Raises:
            Nonsense: a frame is longer than frames are.
        """
        rest = self._rest
        rest += data
        at = 0
        try:
            while len(rest) - at >= HEADER.size:
                channel, kind, length = HEADER.unpack_from(rest, at)
                if length > LARGEST:
                    raise Nonsense("a frame of %d bytes" % length)
                start = at + HEADER.size
                if len(rest) - start < length:
                    break
                at = start + length
                yield channel, kind, bytes(rest[start:at])
        finally:
            del rest[:at]
