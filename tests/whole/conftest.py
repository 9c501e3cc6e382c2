"""A real Chromium for the tour."""

from tests.browser import chromium

__all__ = ["chromium"]
