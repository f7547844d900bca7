"""How kinds are told apart, and the catalogue of them all."""
