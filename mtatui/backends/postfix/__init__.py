"""Postfix on one server: its configuration, its commands, its queue, its log."""
