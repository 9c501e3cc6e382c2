"""The vendor's people: accounts, sessions, failed sign-ins."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from corporate.models.base import Base, Key


class Account(Base):
    """Somebody of the vendor's staff who may sign in."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    made_at: Mapped[datetime]


class SignedIn(Base):
    """A session of the pages; only the SHA-256 of the cookie's token is kept."""

    __tablename__ = "signed_in"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class Throttle(Base):
    """Failed sign-ins by whom and from where."""

    __tablename__ = "throttle"
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    until: Mapped[datetime]
