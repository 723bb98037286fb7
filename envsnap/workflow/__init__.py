"""Each command as a readable sequence of stages."""
