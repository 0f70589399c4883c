"""Fixtures of the intake floor's tests."""

from tests.web.conftest import aurora, lumen, own_keys

__all__ = ["aurora", "lumen", "own_keys"]
