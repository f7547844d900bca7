"""What an artifact is: one module per kind, each recognised from its manifest. Pure."""
