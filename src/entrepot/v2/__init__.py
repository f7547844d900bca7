"""The door of container clients: the distribution API below `/v2/`, and its token service."""
