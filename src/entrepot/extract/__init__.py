"""Reads what was pushed: archives, charts, SBOMs, statements. Bounded, and never executed."""
