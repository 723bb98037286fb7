"""Package indexes: where they are, what they serve, and the tools that ask them."""
