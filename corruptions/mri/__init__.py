"""Corruptions of magnetic resonance imaging: noise in the magnitude image, and artefacts of k-space."""
