"""The pages for the vendor's staff."""

from flask import Flask

from corporate.server import Corporate


def register(app: Flask, server: Corporate) -> None:
    """Put the pages onto `app`."""
    app.extensions["corporate"] = server
