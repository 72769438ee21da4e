"""Layers that need a few lines around them to be examined, and such as tutorials write."""
