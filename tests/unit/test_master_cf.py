"""master.cf as text: its services, what they set for themselves, and how that is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.backends.postfix.logical import SPACE
from mtatui.backends.postfix.master_cf import MasterCf

TEXT = """\
# service type  private unpriv  chroot  wakeup  maxproc command + args
smtp      inet  n       -       y       -       -       smtpd
#submission inet n       -       y       -       -       smtpd
submission inet n -	y - - smtpd
  -o syslog_name=postfix/submission
# only with a login
  -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }
  -o smtpd_tls_security_level=may

  -o smtpd_tls_security_level=encrypt
[::1]:10025 inet n - n - 10 smtpd -v -o content_filter= -o mynetworks=127.0.0.0/8
pickup    unix  n       -       y       60?     1       pickup
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d { ${recipient} }
"""
MASTER = MasterCf.parse(TEXT.encode())

VALUES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Cs"], exclude_characters="{}"),
    max_size=12,
).map(lambda text: text.strip(SPACE))
KEYS = st.sampled_from([service.key for service in MASTER.services])
NAMES = st.sampled_from(["content_filter", "syslog_name", "smtpd_tls_security_level", "mynetworks", "other"])


def test_services_are_read_with_their_fields() -> None:
    assert [service.key for service in MASTER.services] == [
        "smtp/inet",
        "submission/inet",
        "[::1]:10025/inet",
        "pickup/unix",
        "maildrop/unix",
    ]
    pickup = MASTER.service("pickup/unix")
    assert pickup is not None
    fields = (pickup.private, pickup.unprivileged, pickup.chroot, pickup.wakeup, pickup.limit, pickup.command)
    assert fields == ("n", "-", "y", "60?", "1", "pickup")
    assert pickup.line == 12
    assert MASTER.service("smtps/inet") is None
    maildrop = MASTER.service("maildrop/unix")
    assert maildrop is not None
    assert maildrop.arguments == ("flags=DRXhu", "user=vmail", "argv=/usr/bin/maildrop", "-d", "${recipient}")


def test_overrides_are_read_in_all_their_forms() -> None:
    submission = MASTER.service("submission/inet")
    assert submission is not None
    assert submission.overrides == {
        "syslog_name": "postfix/submission",
        "smtpd_recipient_restrictions": "permit_sasl_authenticated, reject",
        "smtpd_tls_security_level": "encrypt",
    }
    assert submission.lines == {
        "syslog_name": 5,
        "smtpd_recipient_restrictions": 7,
        "smtpd_tls_security_level": 10,
    }
    local = MASTER.service("[::1]:10025/inet")
    assert local is not None
    assert local.overrides == {"content_filter": "", "mynetworks": "127.0.0.0/8"}
    odd = MasterCf.parse(b"x inet n - n - - smtpd -vo a=1 -oforward=2 -o\n\tc=3\n -o {d\n = 4}").services[0]
    assert odd.overrides == {"a": "1", "forward": "2", "c": "3", "d": "4"}


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("smtp", ("", "smtp")),
        (":25", ("", "25")),
        ("127.0.0.1:submission", ("127.0.0.1", "submission")),
        ("[::1]:10025", ("::1", "10025")),
        ("[IPv6:::1]:10025", ("::1", "10025")),
        ("::1:25", ("::1", "25")),
        ("mail.example.test:465", ("mail.example.test", "465")),
    ],
)
def test_an_inet_service_tells_where_it_listens(name: str, endpoint: tuple[str, str]) -> None:
    service = MasterCf.parse(f"{name} inet n - n - - smtpd\n".encode()).services[0]
    assert service.endpoint == endpoint


def test_what_is_no_service_is_told_and_kept() -> None:
    data = b"smtp inet n - n - - smtpd\nsmtp inet n -\n\xff\n"
    master = MasterCf.parse(data)
    assert len(master.services) == 1
    assert master.mistakes == (2, 3)
    assert master.data == data


@pytest.mark.parametrize(
    ("key", "name", "value", "old", "new"),
    [
        ("submission/inet", "syslog_name", "x", "syslog_name=postfix/submission", "syslog_name=x"),
        ("submission/inet", "syslog_name", "", "syslog_name=postfix/submission", "syslog_name="),
        ("submission/inet", "syslog_name", "a b", "syslog_name=postfix/submission", "{ syslog_name = a b }"),
        (
            "submission/inet",
            "smtpd_recipient_restrictions",
            "reject",
            "permit_sasl_authenticated, reject }",
            "reject }",
        ),
        ("submission/inet", "smtpd_tls_security_level", "none", "=encrypt", "=none"),
        ("submission/inet", "syslog_name", None, "  -o syslog_name=postfix/submission\n", ""),
        ("submission/inet", "other", "1", "=encrypt\n", "=encrypt\n  -o other=1\n"),
        ("smtp/inet", "other", "a, b", "       smtpd\n", "       smtpd\n  -o { other = a, b }\n"),
        ("[::1]:10025/inet", "content_filter", None, " -o content_filter=", ""),
        ("[::1]:10025/inet", "other", "1", "127.0.0.0/8\n", "127.0.0.0/8\n  -o other=1\n"),
    ],
)  # fmt: skip
def test_an_override_is_changed_in_its_place(
    key: str, name: str, value: str | None, old: str, new: str
) -> None:
    changed = MASTER.override(key, name, value).data.decode()
    assert changed == TEXT.replace(old, new, 1)
    again = MasterCf.parse(changed.encode()).service(key)
    assert again is not None
    assert again.overrides.get(name) == value


def test_taking_away_takes_all_of_that_name_and_no_comment() -> None:
    changed = MASTER.override("submission/inet", "smtpd_tls_security_level", None)
    changed = changed.override("submission/inet", "smtpd_recipient_restrictions", None)
    assert changed.data.decode() == (
        TEXT.replace("  -o smtpd_tls_security_level=may\n", "")
        .replace("  -o smtpd_tls_security_level=encrypt\n", "")
        .replace("  -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }\n", "")
    )


def test_a_comment_inside_of_what_goes_stays() -> None:
    master = MasterCf.parse(b"x inet n - n - - smtpd -o { a = b,\n# why\n  c } -v\ny inet n - n - - smtpd")
    assert master.override("x/inet", "a", "d").data == (
        b"x inet n - n - - smtpd -o { a = d } -v\n# why\ny inet n - n - - smtpd"
    )
    assert master.override("x/inet", "a", None).data == (
        b"x inet n - n - - smtpd -v\n# why\ny inet n - n - - smtpd"
    )
    alone = MasterCf.parse(
        b"x inet n - n - - smtpd\n -o { a = b,\n# why\n  c }\n -v\ny inet n - n - - smtpd\n"
    )
    assert alone.override("x/inet", "a", None).data == (
        b"x inet n - n - - smtpd\n# why\n -v\ny inet n - n - - smtpd\n"
    )


def test_an_option_goes_in_front_of_arguments() -> None:
    master = MasterCf.parse(b"x unix - n n - - pipe flags=R argv=/bin/x\n")
    changed = master.override("x/unix", "a", "b c")
    assert changed.data == b"x unix - n n - - pipe -o { a = b c } flags=R argv=/bin/x\n"
    assert changed.override("x/unix", "a", None).data == master.data


@pytest.mark.parametrize("bad", ["a\nb", "a\0", "a {", "} {", "a\x1bb"])
def test_values_that_cannot_stand_there_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"the value holds|each \{"):
        MASTER.override("smtp/inet", "other", bad)


def test_names_and_services_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="name of a parameter"):
        MASTER.override("smtp/inet", "a b", "x")
    with pytest.raises(KeyError):
        MASTER.override("smtp/unix", "a", "x")


# -- whatever the file ---------------------------------------------------------------------------------------


@given(st.one_of(st.binary(), st.text("smtpinet ny-#o{}=\n\r\t\0", max_size=60).map(str.encode)))
def test_any_file_comes_back_as_it_was(data: bytes) -> None:
    master = MasterCf.parse(data)
    assert master.data == data
    assert len(master.services) + len(master.mistakes) >= bool(master.services)


@given(KEYS, NAMES, VALUES, st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_what_is_set_is_what_is_read(key: str, name: str, value: str, whole: bool, newline: str) -> None:
    text = TEXT.replace("\n", newline)
    before = MasterCf.parse((text if whole else text.removesuffix(newline)).encode())
    after = MasterCf.parse(before.override(key, name, value).data)
    old, new = before.service(key), after.service(key)
    assert old is not None
    assert new is not None
    assert new.overrides == {**old.overrides, name: value}
    assert [s for s in before.services if s.key != key and s.line < old.line] == [
        s for s in after.services if s.key != key and s.line < old.line
    ]
    assert [(s.key, s.arguments) for s in before.services if s.key != key] == [
        (s.key, s.arguments) for s in after.services if s.key != key
    ]
    if name not in old.overrides:
        assert after.override(key, name, None).data == before.data
    elif name != "smtpd_tls_security_level" and not any(char in SPACE for char in value):
        assert after.override(key, name, old.overrides[name]).data == before.data
