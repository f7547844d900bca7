"""Values of the hub: frozen dataclasses and enumerations that every layer shares."""
