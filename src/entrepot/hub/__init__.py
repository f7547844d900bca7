"""Rules of the hub: accounts, organizations, tokens, and their permissions."""
