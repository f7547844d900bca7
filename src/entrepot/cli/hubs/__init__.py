"""The hub that a command works on: by its data here, or far away over its API."""
