"""Migration scripts, run by `entrepot.metadata.migrate`."""
