"""Queries of advisories, of vulnerabilities found, and of trusted keys."""
