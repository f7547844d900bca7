"""Queries of what happens: the audit log, jobs, webhooks and their deliveries."""
