"""Replication: tags that are pushed to other registries, with all that belongs to them."""
