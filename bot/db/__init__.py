"""Remember things: tables, sessions, named queries and encryption."""
