"""Releases: a corrupted test set as a folder that other tools can read, and anyone can check."""
