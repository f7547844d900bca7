"""Kinds of artifacts: one module per kind, recognised from the manifest. Pure."""
