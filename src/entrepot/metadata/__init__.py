"""Where facts live: tables, migrations, one module of queries per noun. The only SQL."""
