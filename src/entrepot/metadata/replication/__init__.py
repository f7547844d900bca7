"""Queries of replication: rules, tasks, and tags that another hub has replicated here."""
