"""Fixtures of the fault tests."""

from tests.worker.small_company import built_company, house, installation, records

__all__ = ["built_company", "house", "installation", "records"]
