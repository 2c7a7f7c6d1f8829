"""The buckets of a stack, wherever they are, and the keys to them."""

from components.buckets.place import Place
from components.buckets.places import places

__all__ = ["Place", "places"]
