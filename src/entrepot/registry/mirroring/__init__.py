"""Pulls through mirrors of other registries, and what is kept of them."""
