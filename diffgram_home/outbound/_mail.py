"""The way to the customer's own mail server: letters to the addresses in the settings, and nothing else.

SMTP (RFC 5321) over a socket that the door opened. For the door only (`diffgram_home.outbound`). Rules:

- The bytes are a letter that `letter.read` takes, from and to addresses that the settings name; others open nothing.
- Without TLS only to this machine. Where STARTTLS is asked for and not offered, nothing more is said.
- The time limit is for the whole of it, names included; all that the server says together has a size limit.
- `on_hand` is called between the server's word that it listens and the first byte of the letter: before it nothing of
  the letter has left, from it on nobody here can know.
- No words of the server's are passed on, only the number that it begins with.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from typing import Any, BinaryIO

from diffgram_home import exchange, letter, route
from diffgram_home.deadline import Deadline
from diffgram_home.egress import Destination
from diffgram_home.exchange import NotReached, Taken, Trust, Unknown
from diffgram_home.outbound._sockets import opened
from diffgram_home.outbound._telling import told_as
from diffgram_home.outbound._tls import verified
from diffgram_home.outbound._way import Way
from diffgram_home.settings import Mail

_ANSWERS_LIMIT_BYTES = 64 * 1024
_AFTER_S = 5.0  # the deadline cuts first: smtplib would call a time-out of the socket a lost connection
_READY, _DONE, _GO_ON, _SIGNED_IN = 220, (250, 251), 354, (235, 503)


class MailDoor(Way):
    """The way out to the one mail server that the customer named."""

    def __init__(self, named: Mail, *, registry: tuple[Destination, ...], timeout_s: float) -> None:
        super().__init__(route.direct(named.host, named.port, registry), timeout_s)
        self._named = named

    def send_letter(self, data: bytes, on_hand: Callable[[], None]) -> Taken:
        """Give one letter to the mail server, once. Raises NotReached (nothing of it left), Unknown."""
        with exchange.nothing_left():
            to = _addressed(data, self._named)
        with self._within() as deadline, contextlib.ExitStack() as undoing:
            with told_as(NotReached, deadline, self._named.host):
                talk = self._connected(deadline, undoing)
                refused = self._introduced(talk, to)
            if refused:
                return refused
            with exchange.nothing_left():
                on_hand()
            talk.handed = True
            with told_as(Unknown, deadline, self._named.host):
                return _handed(talk, data)

    def _connected(self, deadline: Deadline, undoing: contextlib.ExitStack) -> _Talk:
        named = self._named
        context = None if named.tls == "none" else verified(Trust((), named.ca_file, named.ca_file is None), None)
        sock, plain = opened(named.host, named.port, deadline)
        sock.settimeout(deadline.left_s() + _AFTER_S)
        undoing.callback(plain.close)
        undoing.callback(deadline.forget)
        undoing.callback(sock.close)
        if context is not None and named.tls == "tls":
            sock = context.wrap_socket(sock, server_hostname=named.host)
            undoing.callback(sock.close)
        talk = _Talk(sock, named.host)
        undoing.callback(talk.close)
        _expect(talk, talk.getreply()[0], (_READY,))
        if context is not None and named.tls == "starttls":
            _upgrade(talk, context)
        return talk

    def _introduced(self, talk: _Talk, to: str) -> Taken | None:
        """Say who we are and for whom the letter is; None when the server then listens, else how it refused."""
        named = self._named
        if talk.ehlo()[0] != 250:
            _expect(talk, talk.helo()[0], _DONE)
        if named.password is not None:
            status = _signed_in(talk, named.user, named.password)
            if status not in _SIGNED_IN:
                return Taken("sign-in", _number(talk, status))
        for step, ask, wanted in (
            ("sender", lambda: talk.mail(named.sender), _DONE),
            ("address", lambda: talk.rcpt(to), _DONE),
            ("letter", lambda: talk.docmd("DATA"), (_GO_ON,)),
        ):
            status = ask()[0]
            if status not in wanted:
                return Taken(step, _number(talk, status))
        return None


class _Talk(smtplib.SMTP):
    """SMTP over a socket that is connected already; what is read is counted."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        ours = sock.getsockname()[0]
        super().__init__(local_hostname=f"[IPv6:{ours}]" if ":" in ours else f"[{ours}]")  # RFC 5321, 4.1.3
        self.sock, self._host = sock, host
        self.handed, self.left_bytes = False, _ANSWERS_LIMIT_BYTES

    def getreply(self) -> tuple[int, bytes]:
        """The next answer of the server."""
        if self.file is None and self.sock is not None:
            self.file = _Counted(self, self.sock.makefile("rb"))
        return super().getreply()

    def trouble(self, code: str, message: str, hint: str) -> NotReached | Unknown:
        """The error that says on which side of the letter's first byte it is."""
        return (Unknown if self.handed else NotReached)(code, message, hint)


class _Counted:
    """What the server says, line by line, up to a limit over all."""

    def __init__(self, talk: _Talk, file: BinaryIO) -> None:
        self._talk, self._file = talk, file

    def readline(self, limit: int) -> bytes:
        line = self._file.readline(limit)
        self._talk.left_bytes -= len(line)
        if self._talk.left_bytes < 0:
            text = f"the mail server says more than {_ANSWERS_LIMIT_BYTES} bytes"
            raise self._talk.trouble("answer-too-large", text, "is it a mail server? look at [mail] host and port")
        return line

    def close(self) -> None:
        self._file.close()


def _addressed(data: bytes, named: Mail) -> str:
    found = letter.read(data)
    if found.sender != named.sender or found.to not in named.to:
        hint = "only the addresses under [mail] get letters"
        raise NotReached("not-in-settings", "the letter has an address that the settings do not name", hint)
    return found.to


def _upgrade(talk: _Talk, context: ssl.SSLContext) -> None:
    talk.ehlo()
    if not talk.has_extn("starttls"):
        hint = "somebody on the way may have taken it out: nothing was said; see [mail] tls, or ask its administrator"
        raise NotReached("tls-not-offered", "the mail server offers no STARTTLS", hint)
    try:
        talk.starttls(context=context)
    except smtplib.SMTPResponseException as error:
        hint = "look at [mail] tls and port, or ask its administrator"
        raise NotReached("tls-not-offered", f"the mail server refused STARTTLS: {error.smtp_code}", hint) from error


def _signed_in(talk: _Talk, user: str, password: str) -> int:
    try:
        return talk.login(user, password)[0]
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPException:
        return 504  # it takes no password, or in no way that is known here


def _handed(talk: _Talk, data: bytes) -> Taken:
    """Send the letter, whose every line and end the server is to keep, and hear what it says."""
    stuffed = b"".join(b"." + line if line.startswith(b".") else line for line in data.splitlines(keepends=True))
    talk.send(stuffed + b".\r\n")
    status = _number(talk, talk.getreply()[0])
    with contextlib.suppress(OSError, exchange.DoorError):
        talk.quit()
    return Taken(None if status in _DONE else "letter", status)


def _expect(talk: _Talk, status: int, wanted: tuple[int, ...]) -> None:
    if status not in wanted:
        text = f"the mail server does not want to talk: {_number(talk, status)}"
        raise NotReached("not-now", text, "ask its administrator; it is tried again")


def _number(talk: _Talk, status: Any) -> int:
    if 200 <= status <= 599:
        return int(status)
    raise talk.trouble("answer-malformed", "what answers does not speak SMTP", "look at [mail] host and port")
