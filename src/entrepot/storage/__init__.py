"""Where bytes live: the protocols, and one module per place."""
