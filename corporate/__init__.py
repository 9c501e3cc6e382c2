"""The other end: receives, checks again with the same gate, and signs for what it received (design 8)."""
