"""Numbers that papers printed, with their sources: no code, only CSV files."""
