"""Commands about CI jobs that sign in with the ID tokens of their issuers."""
