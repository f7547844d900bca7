"""The contents of artifacts: read, indexed, compared and found."""
