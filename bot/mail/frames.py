"""Put a length in front of what one process tells another, so that it can be told where it ends."""

LENGTH_OCTETS = 4


def framed(octets: bytes) -> bytes:
    """Put the length in front."""
    return len(octets).to_bytes(LENGTH_OCTETS, "big") + octets
