"""Speaks to other registries: connections, redirects, credentials. Knows no rights and no rows."""
