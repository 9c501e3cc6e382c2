"""A product that captures by hand: a group of exceptions, each with a cause."""

import sentry_sdk
import shop
import telling

telling.begin()
telling.surround()
try:
    shop.sell_many([telling.SECRET, telling.SECRET])
except ExceptionGroup as many:
    sentry_sdk.capture_exception(many)
telling.end()
