"""The ways into this installation's own spool, for what arrives over HTTP and for what it counts itself (design 3).

One for each case and process: the installation is a writer of the spool like any product.
"""

from __future__ import annotations

import threading

from diffgram_home.home import Home
from event.ways import Limits, Way, into

_making = threading.Lock()


def way(home: Home, case: str) -> Way:
    """The way for the kinds of one case; nothing is opened before the first message that is collected."""
    name = f"way-{case}"
    with _making:
        if name not in home.cache:
            limits = Limits(max_bytes=home.settings.spool.max_bytes)
            made = into(home.settings.spool.folder, home.catalogue, home.index, (), limits, case)
            home.cache[name] = made
        found: Way = home.cache[name]
    return found
