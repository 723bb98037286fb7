"""Manifest -> text: Dockerfile, build context, requirements. Pure."""
