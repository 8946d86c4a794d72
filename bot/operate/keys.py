"""Make a key for SECRET_KEY."""

from cryptography.fernet import Fernet


def new_key() -> str:
    """Return a fresh Fernet key."""
    return Fernet.generate_key().decode("ascii")
