"""A product with Django: a request that fails, with the secret in its address, query and headers."""

import shop
import telling
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.test import Client
from django.urls import path
from sentry_sdk.integrations.django import DjangoIntegration


def buy(_request, name):
    telling.surround()
    shop.sell(name)


telling.begin(DjangoIntegration())
urlpatterns = [path("buy/<str:name>", buy)]
settings.configure(ROOT_URLCONF=__name__, SECRET_KEY="k", ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
get_wsgi_application()
client = Client(raise_request_exception=False)
answer = client.get(f"/buy/{telling.SECRET}", {"card": telling.SECRET}, HTTP_X_NAME=telling.SECRET)
assert answer.status_code == 500
telling.end()
