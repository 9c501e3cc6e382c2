"""A product with Flask: a request that fails, with the secret in its address, query, body, headers and cookie."""

import shop
import telling
from flask import Flask
from sentry_sdk.integrations.flask import FlaskIntegration

telling.begin(FlaskIntegration())
app = Flask("shop_front")


@app.post("/buy/<name>")
def buy(name):
    telling.surround()
    shop.sell(name)


answer = app.test_client().post(
    f"/buy/{telling.SECRET}?card={telling.SECRET}",
    json={"name": telling.SECRET},
    headers={"Authorization": f"Bearer {telling.SECRET}", "Cookie": f"c={telling.SECRET}"},
)
assert answer.status_code == 500
telling.end()
