"""Entrepot: a self-hosted hub for every software artifact."""

__version__ = "0.1.0"
