"""A lock with every artefact, its baseline and its source -> one bundle, and back."""
