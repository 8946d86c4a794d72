"""Stand in for Discord, the carriers and the phones, on loopback only."""
