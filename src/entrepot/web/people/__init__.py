"""Pages of accounts, organizations and teams, and of signing in."""
