"""What a person sees of a message: headers, parts and body, from honest, broken and hostile bytes."""

from __future__ import annotations

from email.message import EmailMessage

from hypothesis import given, settings
from hypothesis import strategies as st

from mtatui.queue.content import MAX_PARTS, body_text, decode_words, headers, important, raw_text, structure
from mtatui.queue.html_text import html_to_text
from mtatui.text import clean


def visible(text: str, *, lines: bool = False) -> bool:
    return all(c.isprintable() or (lines and c in "\n\t") for c in text)


def mixed() -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Zoë <zoe@shop1.test>"
    message["To"] = "ap@down.example"
    message["Subject"] = "Rechnung für März"
    message.set_content("Guten Tag,\nhier die Rechnung.\n")
    message.add_alternative("<p>Guten <b>Tag</b></p>", subtype="html")
    message.add_attachment(
        b"%PDF" + bytes(1000), maintype="application", subtype="pdf", filename="Rechnung März.pdf"
    )
    return message


def test_headers_keep_their_order_and_are_decoded() -> None:
    raw = (
        b"Received: from a by b;\r\n\tMon, 1 Jan\r\nReceived: from c by d\r\n"
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?q?_aus?= K\xc3\xb6ln\r\n"
        b"From: a@b.test\r\n\r\nbody: no header"
    )
    assert [(h.name, h.value) for h in headers(raw)] == [
        ("Received", "from a by b; Mon, 1 Jan"),
        ("Received", "from c by d"),
        ("Subject", "Grüße aus Köln"),
        ("From", "a@b.test"),
    ]
    assert [h.name for h in important(headers(raw))] == ["From", "Subject"]


def test_encoded_words_cut_inside_a_character_are_joined() -> None:
    assert decode_words(b"=?utf-8?b?w7=?= =?utf-8?q?=BC?=") != ""
    assert decode_words(b"=?UTF-8?Q?a=C3?=\n =?utf-8?Q?=BC?= b") == "aü b"
    assert decode_words(b"=?iso-8859-1?q?caf=E9?= =?utf-8?q?_=C3=BC?=") == "café ü"
    assert decode_words(b"=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=") == "日本"
    assert decode_words(b"=?utf-8*de?q?=C3=BC?=") == "ü"


def test_encoded_words_in_charsets_that_do_not_exist_still_read() -> None:
    assert decode_words(b"=?no-such?q?plain_words?=") == "plain words"
    assert decode_words(b"=?unicode_escape?q?=5Cx41?=") == "\\x41"
    assert decode_words(b"=?utf-8?x?what?= is this") == "=?utf-8?x?what?= is this"


def test_control_bytes_in_headers_never_get_through() -> None:
    raw = b"Subject: \x1b]0;owned\x07 =?utf-8?q?=1B[2J=C2=9B?= \xe2\x80\xae\x00\nX-\x80: y\n\n"
    for header in headers(raw):
        assert visible(header.name)
        assert visible(header.value)
    assert "owned" in headers(raw)[0].value


def test_a_line_that_is_no_header_is_shown_without_a_name() -> None:
    assert [(h.name, h.value) for h in headers(b"From someone\nSubject: x\n\n")] == [
        ("", "From someone"),
        ("Subject", "x"),
    ]


def test_structure_shows_the_tree_with_decoded_sizes_and_names() -> None:
    parts = structure(mixed().as_bytes())
    assert [(p.depth, p.content_type, p.filename, p.disposition) for p in parts] == [
        (0, "multipart/mixed", "", ""),
        (1, "multipart/alternative", "", ""),
        (2, "text/plain", "", ""),
        (2, "text/html", "", ""),
        (1, "application/pdf", "Rechnung März.pdf", "attachment"),
    ]
    assert parts[-1].size == 1004
    assert not any(p.cut for p in parts)


def test_what_was_cut_is_said_of_the_parts_that_were_cut() -> None:
    raw = mixed().as_bytes()[:-500]
    parts = structure(raw, more=True)
    assert [p.content_type for p in parts if p.cut] == ["multipart/mixed", "application/pdf"]
    assert 0 < parts[-1].size < 1004


def test_file_names_in_every_dialect() -> None:
    def name(line: bytes) -> str:
        return structure(b"Content-Type: application/zip\nContent-Disposition: " + line + b"\n\n")[0].filename

    assert name(b"attachment; filename*=utf-8''%e2%82%ac%20rates.zip") == "€ rates.zip"
    assert name(b"attachment; filename*0*=iso-8859-1''caf%e9; filename*1=.zip") == "café.zip"
    assert name(b'attachment; filename="=?utf-8?q?=C3=BC?=.zip"') == "ü.zip"
    assert name(b'attachment; filename="K\xc3\xb6ln\x1b[31m.zip"') == clean("Köln\x1b[31m.zip")
    assert name(b'attachment; filename="../../etc/passwd"') == "../../etc/passwd"


def test_body_prefers_plain_text_and_names_attachments() -> None:
    text = body_text(mixed().as_bytes())
    assert text.startswith("Guten Tag,\nhier die Rechnung.")
    assert "<p>" not in text
    assert "── attachment: Rechnung März.pdf (application/pdf, 1,004 bytes) ──" in text


def test_html_alone_is_rendered_with_link_targets() -> None:
    raw = (
        b"Content-Type: text/html; charset=utf-8\n\n<html><head><style>p{}</style><title>t</title></head>"
        b'<body><h1>Hello</h1><p>Pay   <a href="http://evil.test/x">your bank</a> now&excl;<br>'
        b'or <a href="http://a.test">http://a.test</a></p>'
        b"<ul><li>one<li>two</ul><table><tr><td>a</td><td>b</td></tr></table>"
        b'<img src="x" alt="Logo"><script>alert(1)</script></body></html>'
    )
    assert body_text(raw) == (
        "Hello\n\nPay your bank <http://evil.test/x> now!\nor http://a.test\n\n"
        "• one\n• two\n\na  b\n\n[image: Logo]"
    )


def test_a_bounce_shows_notice_report_and_returned_message() -> None:
    raw = b"""Content-Type: multipart/report; report-type=delivery-status; boundary="B"

preamble
--B
Content-Type: text/plain

I could not deliver.
--B
Content-Type: message/delivery-status

Final-Recipient: rfc822; x@y.test
Action: failed
--B
Content-Type: message/rfc822

Subject: =?utf-8?q?=C3=BCber?=

original words
--B--
epilogue
"""
    text = body_text(raw)
    assert text.index("I could not deliver") < text.index("Action: failed") < text.index("original words")
    assert "── attached message: über ──" in text
    assert "preamble" not in text


def test_charsets_missing_wrong_and_unknown() -> None:
    def body(charset: bytes, data: bytes) -> str:
        return body_text(b"Content-Type: text/plain; charset=" + charset + b"\n\n" + data)

    assert body(b"utf-8", "für".encode()) == "für"
    assert body(b"no-such", "für".encode()) == "für"
    assert body(b"us-ascii", "für".encode("latin-1")) == "für"
    assert body(b"iso-8859-1", b"\x93quoted\x94") == "“quoted”"
    assert body(b"gb2312", "镕基".encode("gb18030")) == "镕基"
    assert body(b"utf-16", "für".encode("utf-16")) == "für"
    assert body(b'"a\0b"', b"still here") == "still here"


def test_transfer_encodings_even_when_broken() -> None:
    def body(encoding: bytes, data: bytes) -> str:
        return body_text(b"Content-Transfer-Encoding: " + encoding + b"\n\n" + data)

    assert body(b"base64", b"SGVsbG8g\r\nd29ybGQ=") == "Hello world"
    assert body(b"BASE64", b"SGVsbG8gd29ybG") == "Hello wor"
    assert body(b"base64", b"SGVs!*bG8g") == "Hello "
    assert body(b"quoted-printable", b"f=C3=BCr =\nuns=ZZ") == "für uns=ZZ"
    assert body(b"x-uuencode", b"begin 644 f") == "begin 644 f"


def test_a_multipart_without_its_boundary_shows_what_there_is() -> None:
    assert "words" in body_text(b"Content-Type: multipart/mixed\n\nwords")
    assert "words" in body_text(b"Content-Type: multipart/mixed; boundary=x\n\nwords")


def test_nesting_without_end_ends() -> None:
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3000))
    assert 15 < len(structure(raw)) < 50
    assert (
        len(structure(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 50_000))
        <= MAX_PARTS + 1
    )
    body_text(raw)


def test_raw_text_shows_every_line_and_no_control() -> None:
    assert raw_text(b"a\r\nb\x00\x1b[2J\xff\tc\n") == clean("a\nb\0\x1b[2Jÿ\tc\n", lines=True)


def test_html_that_breaks_the_parser_still_gives_its_words() -> None:
    assert "words" in html_to_text("<![x <b>words</b>")
    assert "words" in html_to_text("words <a href='")
    assert "words" in html_to_text("<head>never closed<body>words")
    assert html_to_text("<pre>a\n  b</pre>c") == "a\n  b\nc"


SPICE = [
    b"Content-Type: multipart/mixed; boundary=b\n",
    b"Content-Type: multipart/alternative; boundary*0=b; boundary*2=b\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Type: text/html; charset=utf-7\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Disposition: attachment; filename*0*=x''%ff; filename*1*=%00\n",
    *(b"--b\n", b"--b--\n", b"\n\n", b"=?utf-8?b?====?=", b"Subject: ", b' \t;"', b"charset*=idna''x"),
    *(b"<a href=x>", b"<![", b"<!--", b"&#xfffffff;", b"&#0;"),
]
hostile = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(SPICE)), max_size=30).map(b"".join)


@settings(deadline=None, max_examples=300)
@given(hostile, st.booleans())
def test_no_bytes_raise_and_no_control_gets_through(raw: bytes, more: bool) -> None:
    for header in headers(raw):
        assert visible(header.name + header.value)
    important(headers(raw))
    for part in structure(raw, more=more):
        assert visible(part.content_type + part.filename + part.charset + part.disposition)
    assert visible(body_text(raw), lines=True)
    assert visible(raw_text(raw), lines=True)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200))
def test_what_is_encoded_comes_back(text: str) -> None:
    from email.header import Header

    encoded = Header(text, "utf-8", maxlinelen=60).encode()
    assert decode_words(encoded.replace("\n", "").encode()).strip() == text.strip()
