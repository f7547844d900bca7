"""Endpoints of accounts, namespaces, teams and tokens."""
