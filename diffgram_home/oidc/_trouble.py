"""What goes wrong with signing in by a provider, in two kinds: it cannot be had, or what came from it does not count.

    PeopleError
    ├── ProviderAway      it cannot be reached, or what it publishes cannot be used: not this person's fault
    └── ProviderRefused   this sign-in does not count; `code` says why

No words of the provider's are told, and no value of a token.
"""

from diffgram_home.errors import PeopleError


class ProviderAway(PeopleError):
    """The provider cannot be had just now, or not with these settings."""


class ProviderRefused(PeopleError):
    """This sign-in does not count."""
