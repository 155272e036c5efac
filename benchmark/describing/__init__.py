"""What a data set holds: its parts, its lesions, its texts, and how much a text says about where the mask lies."""
