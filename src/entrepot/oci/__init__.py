"""Words of the OCI specifications as types that are valid once they exist."""
