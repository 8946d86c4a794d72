"""Textbridge: a self-hosted Discord bot that carries texts to phones."""
