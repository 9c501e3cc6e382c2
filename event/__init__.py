"""What happened in the product, reduced to metadata and spooled (design 3)."""
