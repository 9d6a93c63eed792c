"""The catalogue: every setting that is owed, told completely, found by what a person types."""

from __future__ import annotations

import re

from mtatui.settings.catalogue import ALL, PAGES, complete, near, search
from mtatui.settings.kinds import Refused
from mtatui.text import clean

#: What profiles and scripts depend on, for ever.
KEYS = """
inbound. blocked_extensions blocked_extensions_notify_admin blocked_extensions_notify_recipient
smtpd_reject_unlisted_sender smtpd_reject_unlisted_recipient smtpd_helo_required smtpd_sender_login_maps
reject_sender_login_mismatch reject_non_fqdn_sender reject_non_fqdn_recipient reject_unknown_sender_domain
reject_unknown_recipient_domain reject_unknown_client_hostname reject_unknown_reverse_client_hostname
reject_invalid_helo_hostname reject_non_fqdn_helo_hostname reject_unknown_helo_hostname reject_rbl_client
reject_rhsbl_client reject_rhsbl_sender reject_rhsbl_reverse_client reject_unauth_destination
outbound. add_client_ip_header smtpd_sasl_authenticated_header smtpd_sasl_auth_enable require_authentication
smtpd_tls_auth_only smtpd_tls_security_level smtp_tls_security_level mynetworks smtp_helo_name myhostname
mydomain myorigin relayhost smtp_fallback_relay relay_login message_size_limit
filtering. spam_subject_tag spam_tag_percent spam_kill_percent spam_destiny check_outgoing verify_dkim
always_signed_domains antivirus virus_destiny block_encrypted_archives warn_virus_recipient warn_virus_admin
admin_address database_mirrors custom_signatures update_frequency
"""


def test_every_key_that_is_owed_is_there() -> None:
    owed, page = set(), ""
    for word in KEYS.split():
        if word.endswith("."):
            page = word
        else:
            owed.add(page + word)
    assert set(ALL) == owed


def test_every_setting_is_told() -> None:
    for key, setting in ALL.items():
        assert key == f"{setting.page}.{setting.name}"
        assert setting.page in PAGES
        assert re.fullmatch(r"[A-Z].{5,40}", setting.label), key
        assert setting.help.endswith("."), key
        assert setting.directive
        assert setting.manual, key
        for text in (setting.label, setting.help, setting.cost, setting.reply):
            assert clean(text) == text


def test_labels_are_not_given_twice_in_a_section() -> None:
    for page in PAGES.values():
        heads = [(setting.section, setting.label) for setting in page.settings]
        assert len(set(heads)) == len(heads)
        positions = [page.sections.index(setting.section) for setting in page.settings]
        assert positions == sorted(positions), "the controls of a section stand together"


def test_search_looks_at_names_first() -> None:
    assert search("helo required")[0].key == "inbound.smtpd_helo_required"
    assert "outbound.relayhost" in [setting.key for setting in search("MX records")]
    assert search("450 4.7.25")
    assert search("no such words") == []
    assert search("") == list(ALL.values())


def test_near_keys() -> None:
    assert near("myhostname") == ["outbound.myhostname"]
    assert near("inbound.smtpd_helo_require")[0] == "inbound.smtpd_helo_required"
    assert near("inbound.MyNetworks") == ["outbound.mynetworks"]
    assert near("") == []


def test_completion_leads_to_values_that_can_be() -> None:
    assert complete("outbound.my") == [
        "outbound.mynetworks=",
        "outbound.myhostname=",
        "outbound.mydomain=",
        "outbound.myorigin=",
    ]
    assert complete("inbound.reject_rbl_client=") == []
    assert complete("nonsense=") == []
    for begun in complete(""):
        for whole in complete(begun):
            key, _, value = whole.partition("=")
            try:
                ALL[key].kind.parse(value)
            except Refused as refused:
                raise AssertionError(whole) from refused
    assert complete("inbound.reject_non_fqdn_sender=t") == ["inbound.reject_non_fqdn_sender=trial"]
