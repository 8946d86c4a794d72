"""Say what is true: pure rules, without I/O, clock or randomness."""
