"""What a page says when it cannot do what was asked: one base class, one shape.

    HomeError
    └── Trouble
        ├── permissions.SignInNeeded   401
        ├── permissions.RoleNeeded     403
        ├── sessions.FormRefused       403
        ├── confirming.FreshNeeded     401
        ├── security.PlainRefused      403
        ├── NotUnderstood              400
        └── NotHere                    404

Messages begin with a small letter and have no full stop; the hint says what to do next. Neither ever quotes a
customer's value other than what the same person just typed.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar

from diffgram_home.errors import HomeError


class Trouble(HomeError):
    """A refusal of a request, with the HTTP status it is answered with."""

    status: ClassVar[int] = 400
    named: ClassVar[str] = "bad-request"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(self.named, message, hint)


class NotHere(Trouble):
    """Something was asked for by a name or number that does not exist here."""

    status = 404
    named = "not-here"


class NotUnderstood(Trouble):
    """A form or address held a value that cannot be meant."""

    status = 400
    named = "not-understood"


@dataclass(frozen=True, slots=True)
class Shape:
    """The one shape of every error, as a page and as JSON."""

    status: int
    code: str
    message: str
    hint: str
    retry: bool = False

    def as_dict(self) -> dict[str, object]:
        """The JSON object, without the HTTP status."""
        return {key: value for key, value in asdict(self).items() if key != "status"}
