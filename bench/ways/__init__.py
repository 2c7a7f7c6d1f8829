"""The ways of releasing that are measured beside each other; each serves the same two images of the API."""
