"""Values of advisories and of trusted keys."""
