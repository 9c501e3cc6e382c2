"""A product with Celery: a task that fails, with the secret in its arguments."""

import shop
import telling
from celery import Celery
from sentry_sdk.integrations.celery import CeleryIntegration

telling.begin(CeleryIntegration())
app = Celery("shop_back", broker="memory://")


@app.task(name="sell")
def sell(buyer):
    telling.surround()
    shop.sell(buyer)


assert sell.apply(args=[telling.SECRET]).failed()
telling.end()
