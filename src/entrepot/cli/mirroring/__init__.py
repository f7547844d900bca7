"""Commands about other registries: mirrors of them, and what is pushed to them."""
