"""Image corruptions with graded severity, computed from physics and seeded per case."""
