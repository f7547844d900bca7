"""Commands about mirrors of other registries, and about what is kept of them."""
