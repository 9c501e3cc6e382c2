"""What a vendor ships, for the tests of the ways in: it fails, with what a customer typed in its messages."""


class StockError(Exception):
    """Nothing of it is left."""


class Shelf:
    """Where goods stand."""

    def __init__(self, label):
        self.label = label

    def take(self, buyer, count):
        note = f"reserved for {buyer}"
        raise StockError(f"shelf {self.label} keeps no {count} for {buyer}: {note}")


def sell(buyer):
    basket = {"buyer": buyer, "notes": [buyer, buyer.upper()]}
    try:
        Shelf("A7").take(basket["buyer"], 3)
    except StockError as missing:
        raise LookupError(f"nothing was sold to {buyer}") from missing


def sell_many(buyers):
    faults = []
    for buyer in buyers:
        try:
            sell(buyer)
        except LookupError as fault:
            faults.append(fault)
    raise ExceptionGroup(f"no sale at all for {buyers[0]}", faults)


def again(buyer, depth):
    if depth:
        again(buyer, depth - 1)
    sell(buyer)
