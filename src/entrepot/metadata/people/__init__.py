"""Queries of people: accounts, how they sign in, teams and tokens."""
