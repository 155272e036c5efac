"""Corruptions of radiographs: projections that reach the reader without a reconstruction."""
