"""Pages of those who run the hub."""
