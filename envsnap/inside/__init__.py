"""Scripts that run inside a captured interpreter: standard library only, Python 3.8 or newer."""
