"""Measures Entrepot side by side with the reference registry; see README.md here."""
