"""What was noticed about issues, how telling it went, and what the settings say of it."""

from flask import Blueprint, render_template

from corporate.alerting import sending
from corporate.pages.guarding import server

blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts")
def list_all() -> str:
    """The rules, and the newest alerts."""
    found = server()
    return render_template("alerts.html", alerts=found.settings.alerts, rows=sending.told(found.store))
