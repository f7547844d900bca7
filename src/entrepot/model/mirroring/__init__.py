"""Values about what is fetched from other registries, and kept of them."""
