"""Events and who is told of them: the audit log, the outbox, webhooks."""
