"""What differs between two locks, or between a lock and what was rebuilt from it. Pure."""
