"""Models and predictions of other origin: read as data, checked, and scored like everything else."""
