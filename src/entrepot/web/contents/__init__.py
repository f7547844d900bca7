"""Pages of artifacts: what is inside them, how they get there, and commands that use them."""
