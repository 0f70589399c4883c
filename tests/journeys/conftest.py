"""A whole installation for a journey: the small company, a live server, one browser."""

from tests.worker.small_company import built_company, house, installation

__all__ = ["built_company", "house", "installation"]
