"""Queries of what is inside artifacts, and of the search in it."""
