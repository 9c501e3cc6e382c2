"""The one error of `licensing`, for whoever issues or loads a document; the client never raises (`judging`)."""

from audit.errors import AuditError


class LicenceRefused(AuditError):
    """A document that is not exactly of its form. `code` is one of `codes`; no value of it is quoted."""
