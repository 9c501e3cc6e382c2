"""Why a request is refused as a whole: the word by which it is counted, and the status that an SDK is answered with."""

from typing import Final

KEY, ORIGIN, SIZE, ENCODING, FORM = "key", "origin", "size", "encoding", "form"
STATUS: Final = {KEY: 403, ORIGIN: 403, SIZE: 413, ENCODING: 415, FORM: 400}
SAID: Final = {
    KEY: "this key does not open this project",
    ORIGIN: "pages of this origin may not tell anything here",
    SIZE: "this is larger than it may be",
    ENCODING: "this cannot be unpacked",
    FORM: "this is not a whole envelope",
}
WORDS: Final = frozenset(STATUS)


class Refused(Exception):
    """A request is not taken; `word` is one of WORDS."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word
