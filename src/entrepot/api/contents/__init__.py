"""Endpoints of artifacts: what is inside them, and the search in it."""
