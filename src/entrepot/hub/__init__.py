"""Rules of the hub: who somebody is, what is theirs, and what they may do."""
