"""What must happen later."""
