"""Customers, their installations, and what these were given to prove who they are."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base, Key


class Customer(Base):
    """A customer of the vendor; one may have several installations."""

    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]


class EnrolmentToken(Base):
    """A single-use permission to enrol; only its SHA-256 is kept."""

    __tablename__ = "enrolment_token"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    sha256: Mapped[str] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    expires_at: Mapped[datetime]
    signature_allowed: Mapped[bool]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None]
    succeeds: Mapped[str | None]


class Installation(Base):
    """One enrolled installation and its public key. `next_at_us` is the rate limit's clock (microseconds).

    `succeeds` is the installation that this one was a copy of, or continues; its token said so.
    """

    __tablename__ = "installation"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    public_key: Mapped[bytes]
    thumbprint: Mapped[str]
    enrolled_at: Mapped[datetime]
    signature_allowed: Mapped[bool]
    last_seen_at: Mapped[datetime | None]
    last_authenticated: Mapped[str | None]
    next_at_us: Mapped[int] = mapped_column(BigInteger, default=0)
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None]
    succeeds: Mapped[str | None]


class Certificate(Base):
    """Every certificate that was issued; a certificate without a row here, or with `revoked_at`, is refused."""

    __tablename__ = "certificate"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    installation_id: Mapped[str] = mapped_column(ForeignKey("installation.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(unique=True)
    pem: Mapped[str]
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
