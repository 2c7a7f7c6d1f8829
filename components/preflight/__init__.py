"""A look at both accounts before the first resource: what stands in a stack's way there."""

from components.preflight.looking import look

__all__ = ["look"]
