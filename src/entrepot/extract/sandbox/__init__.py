"""The process that reads pushed bytes, and how it is shut in."""
