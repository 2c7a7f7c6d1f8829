"""How fast the program and the engine are: `python -m bench.run`, described in docs/bench.md."""
