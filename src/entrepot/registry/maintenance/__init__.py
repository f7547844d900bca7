"""The care of what is stored: backups, checks, garbage collection, moves."""
