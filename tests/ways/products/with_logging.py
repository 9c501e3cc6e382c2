"""A product that only logs: an exception, and an error without one, with the secret in both and in a logger's name."""

import logging

import shop
import telling

telling.begin()
telling.surround()
logger = logging.getLogger(f"shop.{telling.SECRET}")
try:
    shop.sell(telling.SECRET)
except LookupError:
    logger.exception("the sale to %s failed", telling.SECRET)
logger.error("no exception, only %s", telling.SECRET)
telling.end()
