"""Hold the real servers that the tests talk to: PostgreSQL, Postfix with Dovecot, aiosmtpd."""
