"""The hands asked and answering, line by line.

Requests come on standard input, one JSON array a line: ``[number, operation, argument…]``; each gets one line
back: ``[number, true, result]`` or ``[number, false, words]``. Operations over messages take many at once and
answer item by item: a list where it went well, null where the message is in no queue, words where it failed.
One bad item never stops the others. ``in turn`` takes several operations at once. Standard library only,
Python 3.6 or newer.
"""

import json
import sys

from . import ledger
from .hands import IS_ID, Hands, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

    from .hands import Answer

REQUEST_LIMIT = 256 * 1024 * 1024


def main(arguments: "List[str]") -> int:
    """Serve requests until standard input ends: ``QUEUE_DIRECTORY HASH_NAMES HASH_DEPTH [--look]``."""
    hands = Hands(arguments[0], arguments[1], int(arguments[2]), "--look" in arguments[3:])
    out = sys.stdout.buffer
    for line in iter(lambda: sys.stdin.buffer.readline(REQUEST_LIMIT), b""):
        number = 0
        try:
            request = json.loads(line.decode("ascii"))
            number = request[0]
            answer = [number, *_answer(hands, request[1], request[2:])]
        except Exception as error:
            answer = [number, False, "not understood: %s: %s" % (type(error).__name__, error)]
        out.write(json.dumps(answer, separators=(",", ":")).encode("ascii") + b"\n")
        out.flush()
    return 0


_EACH: "Dict[str, Callable[..., Answer]]" = {
    "keep": Hands.keep,
    "drop": Hands.drop,
    "destroy": Hands.destroy,
    "discard": Hands.discard,
    "restore": Hands.restore,
    "free": Hands.free,
    "fresh": lambda hands, id: hands.aside.fresh(id),
    "aside": lambda hands, *item: hands.aside.take(*item),
    "follow": lambda hands, id, new: hands.aside.follow(id, new),
    "report_all": lambda hands, *item: hands.logs.report_all(*item),
}


def _in_turn(hands: Hands, requests: "List[List[Any]]") -> "List[List[Any]]":
    """Do several operations in one go, over a long line: what came of each, up to the first that was refused,
    or the lock that somebody else has."""
    answers = []  # type: List[List[Any]]
    for request in requests:
        answers.append(_answer(hands, request[0], request[1:]))
        if not answers[-1][0] or (request[0] == "lock" and answers[-1][1]):
            break
    return answers


def _answer(hands: Hands, operation: str, arguments: "List[Any]") -> "List[Any]":
    try:
        return [True, serve(hands, operation, arguments)]
    except Refused as refused:
        return [False, str(refused)]
    except OSError as error:
        return [False, _words(error)]
    except Exception as error:
        return [False, "not understood: %s: %s" % (type(error).__name__, error)]


def serve(hands: Hands, operation: str, arguments: "List[Any]") -> "Any":
    if operation == "in turn":
        return _in_turn(hands, *arguments)
    if operation in ("identify", "keep"):
        hands.logs.look()
    if operation == "identify":
        return [_one(hands, Hands.identify, item) for item in arguments[0]]
    if operation == "trash":
        return hands.trash(*arguments)
    if operation == "notes":
        return ledger.notes(hands.queue, *arguments)
    if operation == "undoable":
        return ledger.undoable(hands.queue, *arguments)
    if operation == "busy":
        return ledger.busy(hands.queue)
    if hands.look_only:
        raise Refused("it was opened for looking only")
    hands.open_room()
    if operation == "lock":
        return hands.lock.take(*arguments)
    if operation == "unlock":
        return hands.lock.leave()
    if operation == "note":
        return ledger.note(hands.queue, *arguments)
    if operation == "purge":
        return hands.purge(*arguments)
    return [_one(hands, _EACH[operation], item) for item in arguments[0]]


def _one(hands: Hands, operation: "Callable[..., Answer]", item: "List[str]") -> "Answer":
    try:
        if not IS_ID(item[0]):
            return "not a queue ID"
        return operation(hands, *item)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _words(error)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error)


def _words(error: OSError) -> str:
    return error.strerror or str(error)
