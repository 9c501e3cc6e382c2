"""Words of exceptions that no `raise` of shipped source explains: interpreter, drivers, servers, libraries (design 5).

What such programs say is known beforehand: catalogues of their messages stand beside this file, go into the index when
it is built (`shipped`), and are what the gate checks against (`audit.known`). In the product `Said` matches what an
exception carries against the messages of exactly its type, whole or line by line; one must be the whole of it, or only
shapes leave. Texts in other languages are recognised and leave in English.
"""

from event.known._data import for_types, names_of_models, shipped
from event.known._said import Said

__all__ = ["Said", "for_types", "names_of_models", "shipped"]
