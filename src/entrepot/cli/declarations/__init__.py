"""Organizations as code: a file that declares one, and the changes that make it so."""
