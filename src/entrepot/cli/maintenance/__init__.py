"""Commands that care for what is stored."""
