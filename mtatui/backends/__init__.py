"""Everything that touches a server: hosts, the queue and the configuration there, daemons beside Postfix."""
