"""Measure Textbridge beside other ways to send mail; `python3 -m benchmarks` prints one table."""
