"""Accounts, organizations, teams, and what becomes of them."""
