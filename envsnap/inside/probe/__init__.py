"""Scripts that tell what a captured interpreter has, and the modules that they share."""
