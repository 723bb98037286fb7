"""Environment -> Facts."""
