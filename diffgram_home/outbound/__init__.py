"""The door: the only module that may open a connection to the outside.

It is a package for its length alone: nobody outside reads its parts, and no other module of the installation imports a
network library. `_sockets` and `_syslog` connect, each with a permit of the tripwire.

It does these things and no others: fetch corporate's manifest (nothing of ours in it), hand in an enrolment, post one
sealed batch, post one request that a person saw; and for the customer, where the settings name a place for checkpoints,
give one to a witness or a line to this machine's syslog; where they name a mail server, give it a letter about a
release (_mail.py has its rules); and where they name an identity provider, ask it what signing in takes (_provider.py).
There is no function that posts whatever bytes a caller has.

It leaves to others what to send and when (sending.py), what an answer means (sending.py, enrolment.py), and what may be
contacted (egress.py).

Its rules:

- A host and port outside the egress registry is refused before a name is looked up.
- A batch passes `audit.gate.check` here, on the exact bytes, under the rules of this moment, before anything is opened
  and again if the rules changed while the connection was made. Callers cannot skip it. A request passes
  `audit.gate.check_request` the same way, and goes to the one path of its kind.
- The time limit is for the whole exchange, names included: a server that drips a byte a second gains nothing. Answers
  have a size limit. No redirects, no retries, no environment variables.
- A connection is kept only within `round`, from an exchange that went well to the next one under the same trust and
  identity, for seconds. Each exchange has its own permit, gate, signature and time limit, kept connection or not.
- What went wrong says which side of the first byte it was (exchange.py).
"""

from __future__ import annotations

from diffgram_home.outbound._corporate import Door
from diffgram_home.outbound._mail import MailDoor
from diffgram_home.outbound._provider import ProviderDoor
from diffgram_home.outbound._sockets import addresses
from diffgram_home.outbound._syslog import log_checkpoint
from diffgram_home.outbound._witness import WitnessDoor

__all__ = ["Door", "MailDoor", "ProviderDoor", "WitnessDoor", "addresses", "log_checkpoint"]
