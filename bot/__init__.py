"""Textbridge: a self-hosted Discord bot that carries texts to phones."""

VERSION = "0.1.0"
