"""envsnap doctor: what this machine has, what of a lock lies on it, and whether that is enough."""
