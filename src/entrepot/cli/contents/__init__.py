"""Commands about what a hub holds: repositories, tags, and what is found in them."""
