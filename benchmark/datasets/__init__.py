"""Data sets: each yields cases from a folder in its published layout, or makes them."""
