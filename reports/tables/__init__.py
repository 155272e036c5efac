"""Tables as plain cells, and every printed form of them."""
