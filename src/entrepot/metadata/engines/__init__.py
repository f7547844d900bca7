"""The database engines, and what every query needs of them: SQLite, PostgreSQL, rows, limits."""
