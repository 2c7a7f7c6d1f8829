"""The nightly dump: proven before it counts, pruned, and restored."""
