"""Fixtures of the classifiers' tests."""

from known_digits import known

__all__ = ["known"]
