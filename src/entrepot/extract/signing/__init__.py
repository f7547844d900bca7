"""Signatures and statements, and what their envelopes and certificates say."""
