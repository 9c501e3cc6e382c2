"""Sends one alert as a letter to one address, within one time limit.

Leaves to others: what and when (sending). Rules: without the encryption that the settings ask for nothing is said; the
words of the server are not kept, its number is. After a letter was handed over and the line was cut it may come twice.
"""

import smtplib
import ssl
from email.message import EmailMessage

from corporate.alerting.settings import MailServer
from corporate.alerting.webhook import Went, cut_after, trusted

LIMIT_S = 20.0


def send(server: MailServer, password: str, letter: EmailMessage, limit_s: float = LIMIT_S) -> Went:
    """Hand the letter over; whatever the server does, this returns about `limit_s` seconds later at most."""
    talk = _talk(server, limit_s)
    with cut_after(limit_s, lambda: talk.sock) as ended:
        try:
            talk.connect(server.host, server.port)
            if server.tls == "starttls":
                talk.starttls(context=trusted(server.ca_file))
            if password:
                talk.login(server.user, password)
            talk.send_message(letter)
        except smtplib.SMTPRecipientsRefused as e:
            return _refused(next(iter(e.recipients.values()))[0])
        except smtplib.SMTPResponseException as e:
            return _refused(e.smtp_code)
        except smtplib.SMTPNotSupportedError:
            return Went("not-offered")
        except ssl.SSLError:
            return Went("tls", again=True)
        except (OSError, smtplib.SMTPException, ValueError):
            return Went("too-slow" if ended.is_set() else "not-reached", again=True)
        finally:
            talk.close()  # without a word more: what was taken was taken
    return Went(None, 250)


def _talk(server: MailServer, limit_s: float) -> smtplib.SMTP:
    """Not connected yet; the name is what the certificate has to be of."""
    if server.tls == "tls":
        talk: smtplib.SMTP = smtplib.SMTP_SSL(timeout=limit_s, context=trusted(server.ca_file))
    else:
        talk = smtplib.SMTP(timeout=limit_s)
    talk._host = server.host
    return talk


def _refused(status: int) -> Went:
    return Went("refused", status, again=not 500 <= status < 600)
