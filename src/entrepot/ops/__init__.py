"""The door of operators: health, readiness, metrics and the log."""
