"""Values of accounts, organizations and tokens."""
