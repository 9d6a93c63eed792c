"""DKIM on one server: its keys, the tables that say whose mail they sign, and changes of both."""
