"""Makes queues to measure: a spool of real queue files, as many as wanted, the same ones for the same seed.

    python -m bench.generate DIR --messages 100000 [--long-ids] [--config]

Without ``--config`` DIR is a queue directory. With it, DIR is a whole private Postfix instance that never
runs: ``postqueue -c DIR/etc -j`` and ``postsuper -c DIR/etc …`` work on DIR/spool. Ages and retry times count
from now. Run as root, the files belong to Postfix.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import random
import sys
import time
from pathlib import Path

from mtatui.backends.demo import texts
from mtatui.backends.demo.writer import Draft, To, make_spool, postfix_owner, write

#: How many of a thousand are in which state.
MIX = {"deferred": 800, "hold": 170, "active": 18, "incoming": 9, "corrupt": 3}
SENDERS = 97
DAY = 86400
#: Messages are made in lots, each from a seed of its own, whichever process makes it.
LOT = 1000

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
myhostname = mx1.example.test
mydomain = example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
enable_long_queue_ids = {long_ids}
"""

MASTER_CF = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""


def generate(
    directory: Path,
    messages: int,
    *,
    long_ids: bool = False,
    config: bool = False,
    seed: int = 1,
    jobs: int | None = None,
    now: float | None = None,
) -> Path:
    """Make the queue and return its directory; ``now`` is what ages count from.

    Raises:
        OSError: the disk is full, or the directory is not ours.
    """
    spool = _instance(directory, long_ids) if config else directory
    make_spool(spool, postfix_owner())
    lots = [(number, min(LOT, messages - number * LOT)) for number in range(-(-messages // LOT))]
    make = functools.partial(_lot, spool, long_ids, seed, now or time.time())
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(lots)))
    if jobs == 1:
        for lot in lots:
            make(lot)
    else:
        with multiprocessing.Pool(jobs) as pool:
            for _ in pool.imap_unordered(make, lots):
                pass
    return spool


def draft(rng: random.Random, now: float) -> Draft:
    """One message as it might lie in a busy queue."""
    [state] = rng.choices(list(MIX), list(MIX.values()))
    fresh = state in ("active", "incoming")
    age = rng.uniform(0.5, 120) if fresh else rng.expovariate(1 / (0.7 * DAY)) % (5 * DAY) + 2
    sender = _sender(rng.randrange(SENDERS))
    body = rng.choice(_bodies())
    recipients = _recipients(rng, sender, tried=state in ("deferred", "hold") and age > 5)
    login = sender if rng.random() < 0.35 else ""
    client = rng.randrange(1, 250)
    return Draft(
        recipients=recipients,
        sender="" if rng.random() < 0.03 else sender,
        state=state,
        arrival=now - age,
        retry=now + rng.uniform(0, min(4000, max(300, age))) if state == "deferred" else 0,
        subject=texts.subject(rng),
        body=body,
        client_ip=f"{rng.choice(('198.51.100', '203.0.113', '192.0.2'))}.{client}",
        client_name=f"host-{client}.isp{client % 9}.test" if client % 5 else "unknown",
        helo=f"pc{client}.local" if login else f"mail.isp{client % 9}.test",
        sasl_user=login,
        encoding="8bit" if rng.random() < 0.3 else "",
        cut=rng.randrange(60, 600) if state == "corrupt" else None,
    )


def _lot(spool: Path, long_ids: bool, seed: int, now: float, lot: tuple[int, int]) -> None:
    number, size = lot
    rng = random.Random(f"{seed}/{number}")
    owner = postfix_owner()
    for _ in range(size):
        write(spool, draft(rng, now), long_id=long_ids, owner=owner)


@functools.cache
def _bodies() -> list[bytes]:
    rng = random.Random("bodies")
    return [texts.body(rng, rng.randrange(500, 4000)) for _ in range(100)]


@functools.cache
def _sender(number: int) -> str:
    rng = random.Random(number)
    if number % 8 == 0:
        return (
            f"{rng.choice(('news', 'orders', 'billing', 'no-reply'))}{number}@{rng.choice(texts.OUR_DOMAINS)}"
        )
    return f"{texts.person(rng)}{number}@{rng.choice(texts.OUR_DOMAINS)}"


def _recipients(rng: random.Random, sender: str, tried: bool) -> list[To]:
    """Mostly one, sometimes a list of up to fifty, at one domain or many; a few of them already served."""
    count = rng.choices((1, rng.randrange(2, 6), rng.randrange(6, 51)), (90, 8, 2))[0]
    # A few domains get most of the mail.
    domain = texts.DOMAINS[int(len(texts.DOMAINS) * rng.random() ** 3)]
    [reason] = rng.choices(texts.REASONS, texts.WEIGHTS)
    recipients: list[To] = []
    for _ in range(count):
        address = f"{texts.person(rng)}@{domain}"
        done = tried and count > 1 and rng.random() < 0.3 and bool(recipients)
        text = reason.fill(rng, address, sender) if tried and not done else ""
        recipients.append(To(address, text, reason.status, done))
        if count > 1 and rng.random() < 0.5:
            domain = rng.choice(texts.DOMAINS)
    return recipients


def _instance(root: Path, long_ids: bool) -> Path:
    """Lay out a private Postfix instance around the queue."""
    root = root.resolve()
    etc, data = root / "etc", root / "data"
    etc.mkdir(parents=True, exist_ok=True)
    data.mkdir(exist_ok=True)
    (etc / "main.cf").write_text(MAIN_CF.format(root=root, long_ids="yes" if long_ids else "no"))
    (etc / "master.cf").write_text(MASTER_CF)
    for name in ("main.cf", "master.cf"):
        # Postfix waits for a configuration file that is younger than two seconds to settle.
        os.utime(etc / name, (1, 1))
    log = root / "mail.log"
    log.touch()
    if owner := postfix_owner():
        # postsuper ends with 1, although all is done, where it may not write the log.
        os.chown(log, *owner)
        os.chown(data, *owner)
    return root / "spool"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.generate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--messages", type=int, default=100_000, metavar="N")
    parser.add_argument("--long-ids", action="store_true", help="long queue IDs (enable_long_queue_ids)")
    parser.add_argument("--config", action="store_true", help="a whole private Postfix instance around it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, help="processes (default: one a core)")
    options = parser.parse_args()
    started = time.perf_counter()
    spool = generate(
        options.directory,
        options.messages,
        long_ids=options.long_ids,
        config=options.config,
        seed=options.seed,
        jobs=options.jobs,
    )
    seconds = time.perf_counter() - started
    rate = options.messages / seconds
    print(f"{spool}: {options.messages:,} messages in {seconds:.1f} s, {rate:,.0f} a second", file=sys.stderr)


if __name__ == "__main__":
    main()
