"""Public keys whose private halves nobody has: one of each type, and one that is too short."""

from pathlib import Path

*KEYS, WEAK = Path(__file__).with_suffix(".txt").read_text().splitlines()
