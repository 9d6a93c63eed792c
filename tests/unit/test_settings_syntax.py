"""What may stand in a configuration file, and what each refusal tells the person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtatui.settings import syntax
from mtatui.settings.syntax import Refused, host_name, network, relay, reply_filter, table, tables, words
from mtatui.text import clean

#: Everything that a keyboard, a clipboard or an enemy may bring.
HOSTILE = st.text(st.characters(codec=None), max_size=60) | st.text(
    "0123456789abf.:/[]!%$,{}; \n\0#", max_size=40
)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7"),
        ("  10.0.0.0/8 ", "10.0.0.0/8"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("[::1]/128", "[::1]/128"),
        ("[::1]", "[::1]"),
        ("[::1/128]", "[::1]/128"),
        ("::1", "[::1]"),
        ("2001:DB8::/32", "[2001:db8::]/32"),
        ("[::ffff:127.0.0.0]/104", "[::ffff:127.0.0.0]/104"),
        ("[2001:DB8:0::]/32", "[2001:DB8:0::]/32"),
        ("!192.0.2.7", "!192.0.2.7"),
        ("!2001:db8::1", "![2001:db8::1]"),
        ("/etc/postfix/networks", "/etc/postfix/networks"),
        ("!/etc/postfix/others", "!/etc/postfix/others"),
        ("$config_directory/networks", "$config_directory/networks"),
        ("cidr:/etc/postfix/networks", "cidr:/etc/postfix/networks"),
        ("proxy:mysql:/etc/postfix/networks.cf", "proxy:mysql:/etc/postfix/networks.cf"),
        ("inline:{192.0.2.7=ok, ::1=ok}", "inline:{192.0.2.7=ok, ::1=ok}"),
    ],
)
def test_networks_as_postfix_wants_them(typed: str, written: str) -> None:
    assert network(typed) == written
    assert network(written) == written


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("127.0.0.1/8", "write 127.0.0.0/8 for the network, 127.0.0.1 for the one address"),
        ("[2001:db8::1]/32", r"write \[2001:db8::\]/32 for the network, \[2001:db8::1\] for"),
        ("[10.0.0.0]/8", "brackets are for IPv6 addresses; write 10.0.0.0/8"),
        ("10.0.0.0/33", "from 0 to 32"),
        ("[::]/129", "from 0 to 128"),
        ("10.0.0.0/8;", 'not "8;"'),
        ("10.0.0.0/", "from 0 to 32"),
        ("1.2.3", '"1.2.3" is no address'),
        ("010.0.0.0/8", '"010.0.0.0" is no address'),
        ("fe80::1%eth0", "takes the zone"),
        ("[fe80::%eth0]/64", "takes the zone"),
        ("localhost", "is no network: write 192.0.2.0/24"),
        ("mail.example.com", "is no network"),
        ("fe80:zz::1", "no tables of the type"),
        ("hsah:/etc/postfix/networks", 'no tables of the type "hsah"'),
        ("10.0.0.0/8 192.0.2.0/24", "one network is wanted"),
        ("", "one network is wanted"),
        ("!", "one network is wanted"),
        ("10.0.0.0/8\n192.0.2.0/24", r"U\+000A"),
        ("10.0.0.0/8\0", r"U\+0000"),
        ("1" * 65536, "65,536 characters"),
    ],
)
def test_networks_that_do_harm_or_nothing(typed: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        network(typed)


@pytest.mark.parametrize(
    "name", ["mx1.example.com", "localhost", "my_host.example.com", "xn--bcher-kva.example", "a" * 63]
)
def test_host_names(name: str) -> None:
    assert host_name(name) == name
    assert host_name(f"{name}.") == name


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("bücher.example", "ASCII letters only in the DNS: xn--bcher-kva.example"),
        ("ü" * 80 + ".example", "ASCII letters only"),
        ("-mx.example.com", "is no host name"),
        ("mx..example.com", "is no host name"),
        (".", "is no host name"),
        ("", "is no host name"),
        ("192.0.2.1", "its last part would have letters"),
        ("mx1.example.com relay=x", "is no host name"),
        ("$myhostname", "is no host name"),
        ("a" * 64, "is no host name"),
        (".".join(["a" * 60] * 5), "is no host name"),
        ("mx\u200b.example", r"U\+200B"),
    ],
)
def test_what_is_no_host_name(typed: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        host_name(typed)


def test_names_of_parameters_where_they_are_allowed() -> None:
    assert host_name("$myhostname", variables=True) == "$myhostname"
    assert host_name("mail.${mydomain}", variables=True) == "mail.${mydomain}"
    assert relay("[gateway.$mydomain]") == "[gateway.$mydomain]"
    with pytest.raises(Refused):
        host_name("$", variables=True)
    with pytest.raises(Refused):
        host_name("${a?b}", variables=True)


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("[smtp.example.com]:587", "[smtp.example.com]:587"),
        ("smtp.example.com:submission", "smtp.example.com:submission"),
        ("example.com.", "example.com"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[2001:db8::1]:25", "[2001:db8::1]:25"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
    ],
)
def test_relays(typed: str, written: str) -> None:
    assert relay(typed) == written


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("192.0.2.1", r"in brackets: \[192.0.2.1\]"),
        ("192.0.2.1:25", r"in brackets: \[192.0.2.1\]"),
        ("2001:db8::1", r"in brackets: \[2001:db8::1\]"),
        ("[smtp.example.com]:0", "there is no port"),
        ("[smtp.example.com]:65536", "there is no port"),
        ("[smtp.example.com]:" + "9" * 5000, "there is no port"),
        ("[smtp.example.com", "is no relay"),
        ("smtp://example.com", "is no relay"),
        ("[smtp example.com]", "is no host name"),
        ("", "is no relay"),
    ],
)
def test_what_is_no_relay(typed: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        relay(typed)


def test_tables() -> None:
    assert table("hash:/etc/postfix/logins") == "hash:/etc/postfix/logins"
    assert (
        tables("hash:/a,$virtual_mailbox_maps  ldap:people") == "hash:/a, $virtual_mailbox_maps, ldap:people"
    )
    assert tables("") == ""
    for typed in ("/etc/postfix/logins", "hash:", "hash", "hash:/a b", "HASH:/a", "nosuch:/a", "inline:{a"):
        with pytest.raises(Refused):
            table(typed)


def test_words_hold_together_in_braces() -> None:
    assert words("a, b\n\tc") == ["a", "b", "c"]
    assert words("inline:{ {a = b, c} }, d") == ["inline:{ {a = b, c} }", "d"]
    for broken in ("{", "}", "} {", "a {b"):
        with pytest.raises(Refused, match="braces"):
            words(broken)


@pytest.mark.parametrize("text", ["127.0.0.2", "127.0.0.[2..11]", "127.0.[0;1].[2..11;14]"])
def test_reply_filters(text: str) -> None:
    assert reply_filter(text) == text


@pytest.mark.parametrize(
    "text", ["", "127.0.0", "127.0.0.256", "127.0.0.[11..2]", "127.0.0.[]", "127.0.0.٢", "127.0.0.*"]
)
def test_what_is_no_reply_filter(text: str) -> None:
    with pytest.raises(Refused):
        reply_filter(text)


@given(HOSTILE)
def test_whatever_comes_out_is_one_visible_line_and_comes_out_again(text: str) -> None:
    for check in (syntax.one_line, host_name, network, relay, table, tables, reply_filter):
        try:
            out = check(text)
        except Refused as refused:
            out = str(refused)
        else:
            assert check(out) == out
        assert clean(out) == out
        assert len(out) < 400
