"""Segmentation models, text encoders and the modules that fuse image and text."""
