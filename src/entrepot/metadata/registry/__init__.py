"""Queries of distribution: blobs, uploads, manifests, tags, and garbage collection."""
