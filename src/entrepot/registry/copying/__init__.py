"""Copies of artifacts: within the hub, and to and from other registries."""
