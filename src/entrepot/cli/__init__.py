"""The operator's door: the `entrepot` command."""
