"""Fixtures of the intake floor's tests."""

from tests.web.conftest import amir, aurora, lumen, olga, own_keys

__all__ = ["amir", "aurora", "lumen", "olga", "own_keys"]
