"""What a vendor ships beside the shop: it logs, with what a customer typed among its words."""

import logging

log = logging.getLogger(__name__)


def stocktake(buyer, count):
    log.info("the stocktake begins")
    log.warning("shelf %s lacks %d for %s", "A7", count, buyer)
    log.error(f"no more than {count} were kept for {buyer}")
    log.critical(buyer)
