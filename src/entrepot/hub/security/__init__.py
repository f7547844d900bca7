"""Advisories, findings, vulnerabilities, and the keys that are trusted."""
