"""Faults on purpose: a running server is killed, and whatever it had acknowledged must be there."""
