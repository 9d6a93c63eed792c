"""Messages as strangers send them: addresses and names made to confuse whoever reads or shows them."""

from __future__ import annotations

from tests.stack.postfix import PostfixInstance

#: Addresses that Postfix takes, most of them with SMTPUTF8.
ADDRESSES = (
    b'"a\x1b[31mb"@full.test', '"a\u2028b"@full.test'.encode(), '"\u202egnp.exe"@full.test'.encode(),
    '"\u009b31m"@full.test'.encode(), b'"[bold]x[/]"@full.test', b'"with space"@full.test',
    b'"q\\"uote"@full.test', b'"a@b"@full.test', b'"tab\there"@full.test', b"a" * 300 + b"@full.test",
    b"UPPER@FULL.test", b"user@[192.0.2.1]", b"'$(id)@full.test",
)  # fmt: skip

#: Names that clients give themselves.
HELOS = (b"\x1b[2Jx", "[x]\u202e".encode(), b"a" * 3000, b"two words", b"'$(id)")


def send_oddities(instance: PostfixInstance) -> None:
    """Send all of them, and what comes in by other ways than SMTP; returns when Postfix has taken them in."""
    for address in ADDRESSES:
        instance.send(address, address, "ordinary@full.test", utf8=True)
    for helo in HELOS:
        instance.send("me@sender.test", "someone@full.test", helo=helo)
    instance.send(
        "list@sender.test", *(f"{word}-{n}@ok.test" for n in range(200) for word in ("full", "reader"))
    )
    # Bytes that are no UTF-8 come in by sendmail only.
    instance.submit(
        b"Subject: \xff\xfe\n\nx\n", "-f", "bad\udcff\udcfe@sender.test", "raw@full.test", "x\udc80@full.test"
    )
    instance.submit(
        b"From: me@sender.test\nTo: group: a@full.test, B <b@full.test>;\nCc: \x1b[31mc@full.test\n\nx\n",
        "-t",
    )
    instance.submit(b"Subject: escapes\n\nx\n", "-f", "\x1b]0;owned\x07@sender.test", "\x1b[31mred@full.test")
    instance.wait_until(lambda: not instance.queue_ids("maildrop"), "pickup")
