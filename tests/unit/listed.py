"""Restriction lists as admins write them, for property tests: all layouts, comments, classes, names."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from mtatui.backends.postfix.lists import LISTS, Lists

RELAY, RECIPIENT, SENDER = (
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_sender_restrictions",
)
DEFAULTS = {RELAY: "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"}

#: Whole configurations take their time, and the machine may be busy.
UNHURRIED = settings(deadline=None, max_examples=60)

#: What pages switch; and in what admins write around it.
CHECKS = (
    "reject_sender_login_mismatch", "reject_non_fqdn_sender", "reject_non_fqdn_recipient",
    "reject_unknown_sender_domain", "reject_unknown_recipient_domain", "reject_invalid_helo_hostname",
    "reject_non_fqdn_helo_hostname", "reject_unknown_helo_hostname", "reject_unknown_client_hostname",
    "reject_unknown_reverse_client_hostname",
)  # fmt: skip
ZONES = ("reject_rbl_client", "reject_rhsbl_client", "reject_rhsbl_sender", "reject_rhsbl_reverse_client")
OTHERS = (
    "permit_mynetworks", "permit_sasl_authenticated", "permit_tls_clientcerts", "reject_unauth_destination",
    "reject_unauth_pipelining", "check_client_access hash:/etc/c",
    "check_sender_access,\n\thash:/etc/s",
    "check_policy_service { inet:127.0.0.1:10023,\n    timeout=10s, default_action=DUNNO }",
    "check_policy_service unix:private/policy", "reject_rbl_client zen.spamhaus.org",
    "warn_if_reject reject_rbl_client\n bl.example=127.0.0.[2..11]",
    "permit_dnswl_client list.dnswl.org=127.0.[2..14].[1..3]",
    "$whatever", "greylist", "hash:/etc/postfix/old_style", "reject_unverified_recipient",
    "sleep 1", "permit", "reject",
    "check_client_access inline:{ 1.2.3.4=ok,\n   5.6.7.8=reject }", "Reject_Unlisted_Sender",
)  # fmt: skip


@st.composite
def raws(draw: st.DrawFn, words: tuple[str, ...] = OTHERS) -> str:
    """The text of a list in somebody's layout, with comments between its lines."""
    pieces = draw(st.lists(st.sampled_from(words), max_size=8))
    comment = st.sampled_from(
        ["", "", "", "\n# comment, with {braces} and reject_rbl_client", "\n  # indented", "\n"]
    )
    gap = st.tuples(
        st.sampled_from([",", " ", ", ", " ,"]), comment, st.sampled_from([" ", "\n  ", "\n\t", "\r\n "])
    ).map(
        lambda parts: (
            "".join(parts) if "\n" in parts[2] or not parts[1] else f"{parts[0]}{parts[1]}\n{parts[2]}"
        )
    )
    text = draw(st.sampled_from(["", " ", "\n    ", "\n# above\n ", "\t"]))
    for number, piece in enumerate(pieces):
        text += (draw(gap) if number else "") + piece
    return text + draw(st.sampled_from(["", "," * bool(pieces), " ", "\n# below", "\n    # below"]))


@st.composite
def configurations(draw: st.DrawFn) -> Lists:
    """The lists of some server: some said, some not, a class, a list by name."""
    names = draw(st.sets(st.sampled_from([*LISTS[:6], "greylist", "whatever"])))
    words = {
        name: OTHERS if name in LISTS else tuple(w for w in OTHERS if w not in ("greylist", "$whatever"))
        for name in names
    }
    said = {name: draw(raws(words[name])) for name in sorted(names)}
    if draw(st.booleans()):
        said["smtpd_restriction_classes"] = draw(
            st.sampled_from([" greylist", "\n    other,\n    greylist", " greylist, x"])
        )
    return Lists(said, DEFAULTS, draw(st.sampled_from([LISTS, (), (SENDER,)])))
