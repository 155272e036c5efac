"""Reports on data and corruptions rather than on models."""
