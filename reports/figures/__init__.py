"""Figures in one style: curves, maps, ranks, scatters and picture grids."""
