"""Rules by which tags of other registries are copied here."""
