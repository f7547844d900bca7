"""Values that operators look at: what is used, the hub's numbers, its settings."""
