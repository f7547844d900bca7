"""Orders of versions: one module per ecosystem, versions as bytes that sort alike. Pure."""
