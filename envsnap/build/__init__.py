"""Rendered files -> a rebuilt Environment."""
