"""Jobs that sign in with ID tokens: issuers, trusts in what these say, and grants."""
