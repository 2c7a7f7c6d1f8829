"""References of images, and which of them are our own build's. Every command line reads it."""

OURS = ("api", "worker", "web")
"""Which our own build makes, for one platform or another."""


def pinned(reference: str, repo_digest: str) -> str:
    """`repository:tag@sha256:…`, of a reference with or without digest and Docker's `repository@sha256:…`."""
    digest = repo_digest.partition("@")[2]
    return reference if "@" in reference or not digest else f"{reference}@{digest}"
