"""The demo's configuration: main.cf, master.cf and tables as an admin of a Debian server might have them.

There is something to see on each page: checks that are on, one on trial, block lists, comments and layout of
the admin's own, services that say otherwise, and findings (greetings are checked, but not required); and a
table that breaks Postfix for whoever uses it, ``ldap:…/etc/owners.ldap``. All lies in ``etc`` in the demo's
home; the services listen where its daemon does (`mtatui.backends.demo.smtpd`). Standard library only.
"""

from __future__ import annotations

import os
import time

from mtatui.backends.demo.writer import MYHOSTNAME

#: The services that listen, in this order.
SERVICES = ("smtp", "submission", "submissions", "reinjection")

MAIN_CF = """\
# See /usr/share/postfix/main.cf.dist for a commented, more complete version


# Debian specific:  Specifying a file name will cause the first
# line of that file to be used as the name.  The Debian default
# is /etc/mailname.
#myorigin = /etc/mailname
myorigin = $mydomain

smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no

# appending .domain is the MUA's job.
append_dot_mydomain = no

# Uncomment the next line to generate "delayed mail" warnings
#delay_warning_time = 4h

readme_directory = no

# See http://www.postfix.org/COMPATIBILITY_README.html -- default to 3.6 on
# fresh installs.
compatibility_level = 3.6

# this server is the demo: it lives here, and only as long as somebody looks
queue_directory = @HOME@/spool
data_directory = @HOME@/data
maillog_file = @HOME@/mail.log
maillog_file_prefixes = @HOME@

# TLS parameters
smtpd_tls_cert_file=@HOME@/etc/tls/@NAME@.pem
smtpd_tls_key_file=@HOME@/etc/tls/@NAME@.key
smtpd_tls_security_level=may

smtp_tls_CApath=/etc/ssl/certs
smtp_tls_security_level=may
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache


myhostname = @NAME@
mydomain = example.test
alias_maps = hash:@HOME@/etc/aliases
alias_database = hash:@HOME@/etc/aliases
mydestination = $myhostname, $mydomain, localhost.$mydomain, localhost
relayhost =
# 192.0.2.0/24 is the office; the printer on the second floor has a mind of its own
mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128
    !192.0.2.77 192.0.2.0/24
mailbox_size_limit = 0
recipient_delimiter = +
inet_interfaces = loopback-only
inet_protocols = ipv4
message_size_limit = 26214400

# Dovecot knows the passwords
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth

# Anti-spam. ORDER MATTERS, see the wiki before you touch this!  -- anna, 2021
smtpd_helo_restrictions =
    permit_mynetworks,
    permit_sasl_authenticated,
    reject_invalid_helo_hostname,
# small offices greet with bare names: for now they are only counted
    warn_if_reject reject_non_fqdn_helo_hostname
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated reject_unauth_destination
smtpd_sender_restrictions =
    permit_mynetworks,
    permit_sasl_authenticated,
    check_sender_access hash:@HOME@/etc/sender_access,
    reject_non_fqdn_sender,
    reject_unknown_sender_domain
smtpd_recipient_restrictions =
    permit_mynetworks,
    permit_sasl_authenticated,
    reject_unauth_destination,
    reject_non_fqdn_recipient,
    # partners whose servers are listed now and then
    check_client_access cidr:@HOME@/etc/partners.cidr,
    reject_rbl_client zen.spamhaus.org=127.0.0.[2..11],
    # two weeks of counting, then decide
    warn_if_reject reject_rbl_client bl.spamcop.net,
    check_policy_service unix:private/policyd-spf,
    permit
policyd-spf_time_limit = 3600

# amavis looks at all mail, OpenDKIM signs ours
content_filter = smtp-amavis:[127.0.0.1]:@amavis@
smtpd_milters = inet:127.0.0.1:@opendkim@
non_smtpd_milters = $smtpd_milters
milter_default_action = accept
"""

MASTER_CF = """\
#
# Postfix master process configuration file.  For details on the format
# of the file, see the master(5) manual page (command: "man 5 master" or
# on-line: http://www.postfix.org/master.5.html).
#
# Do not forget to execute "postfix reload" after editing this file.
#
# ==========================================================================
# service type  private unpriv  chroot  wakeup  maxproc command + args
#               (yes)   (yes)   (no)    (never) (100)
# ==========================================================================
# port 25 of the demo
127.0.0.1:@smtp@ inet n   -       y       -       -       smtpd
# submission (587) of the demo
127.0.0.1:@submission@ inet n   -       y       -       -       smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_tls_auth_only=yes
  -o smtpd_reject_unlisted_recipient=no
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o smtpd_helo_restrictions=
  -o milter_macro_daemon_name=ORIGINATING
# submissions (465) of the demo
127.0.0.1:@submissions@ inet n   -       y       -       -       smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_reject_unlisted_recipient=no
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
  -o milter_macro_daemon_name=ORIGINATING
#628       inet  n       -       y       -       -       qmqpd
pickup    unix  n       -       y       60      1       pickup
cleanup   unix  n       -       y       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       y       1000?   1       tlsmgr
rewrite   unix  -       -       y       -       -       trivial-rewrite
bounce    unix  -       -       y       -       0       bounce
defer     unix  -       -       y       -       0       bounce
trace     unix  -       -       y       -       0       bounce
verify    unix  -       -       y       -       1       verify
flush     unix  n       -       y       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       y       -       -       smtp
relay     unix  -       -       y       -       -       smtp
        -o syslog_name=postfix/$service_name
showq     unix  n       -       y       -       -       showq
error     unix  -       -       y       -       -       error
retry     unix  -       -       y       -       -       error
discard   unix  -       -       y       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       y       -       -       lmtp
anvil     unix  -       -       y       -       1       anvil
scache    unix  -       -       y       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
policyd-spf unix -      n       n       -       0       spawn
    user=policyd-spf argv=/usr/bin/policyd-spf
smtp-amavis unix -      -       y       -       2       smtp
    -o smtp_data_done_timeout=1200
    -o smtp_send_xforward_command=yes
# back from amavis
127.0.0.1:@reinjection@ inet n - y - - smtpd
    -o content_filter=
    -o smtpd_milters=
    -o mynetworks=127.0.0.0/8
    -o smtpd_recipient_restrictions=permit_mynetworks,reject
    -o smtpd_authorized_xforward_hosts=127.0.0.0/8
"""

_TABLES = {
    "aliases": "postmaster: root\nabuse: postmaster\nroot: anna\n",
    "aliases.db": "",
    "sender_access": "newsletter@shop.example REJECT we have asked you to stop\n",
    "sender_access.db": "",
    "owners.ldap": "server_host = ldap://ldap.example.test\nquery_filter = mail=%s\nresult_attribute = uid\n",
    "partners.cidr": "198.51.100.16/28 permit_auth_destination\n",
}

# Self-signed, for a key that is no secret: the number one. It protects nothing, it only lets TLS be spoken.
_KEY = """\
-----BEGIN EC PRIVATE KEY-----
MDECAQEEI@ZEROS@BoAoGCCqGSM49AwEH
-----END EC PRIVATE KEY-----
"""
_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBljCCAT2gAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBBteDEuZXhh
bXBsZS50ZXN0MCAXDTI2MTEyMjIwMDI0MVoYDzIxMjYxMDI5MjAwMjQxWjAbMRkw
FwYDVQQDDBBteDEuZXhhbXBsZS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8
D54WK84zV2sxXs7LtkBoN79R9aNwMG4wHQYDVR0OBBYEFLRno5mete+mcd4AMvCK
nJ5e/aDhMB8GA1UdIwQYMBaAFLRno5mete+mcd4AMvCKnJ5e/aDhMA8GA1UdEwEB
/wQFMAMBAf8wGwYDVR0RBBQwEoIQbXgxLmV4YW1wbGUudGVzdDAKBggqhkjOPQQD
AgNHADBEAiAjKwGPJ8cJKXSXS11pAXVj5ZR8+VTMGg797xwe0Vui4AIgAgoDyUWH
u09O3LWroMTdUKHcbpo+mnGNjMCdTiqpVLU=
-----END CERTIFICATE-----
"""
#: An hour and more: Postfix distrusts a main.cf that is just being written, and so may others.
_AGE = 40 * 86400.0


def make(home: str, ports: dict[str, int]) -> str:
    """Write the configuration of the demo in ``home``, whose services, and the filters beside them, listen on
    these ports of 127.0.0.1.

    Returns:
        The configuration directory.
    """
    directory = f"{home}/etc"
    master = MASTER_CF
    for service, port in ports.items():
        master = master.replace(f"@{service}@", str(port))
    main = MAIN_CF.replace("@HOME@", home).replace("@NAME@", MYHOSTNAME)
    for service, port in ports.items():
        main = main.replace(f"@{service}@", str(port))
    files = {
        "main.cf": main,
        "master.cf": master,
        **_TABLES,
        f"tls/{MYHOSTNAME}.pem": _CERTIFICATE,
        f"tls/{MYHOSTNAME}.key": _KEY.replace("@ZEROS@", "A" * 42),
    }
    os.makedirs(f"{directory}/tls", mode=0o755)
    os.makedirs(f"{home}/data", mode=0o700)
    old = time.time() - _AGE
    for name, text in files.items():
        path = f"{directory}/{name}"
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o600 if name.endswith(".key") else 0o644)
        os.utime(path, (old, old))
    return directory
