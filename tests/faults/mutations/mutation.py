"""Damage to a file, at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

BLOCK = 512


def cut_off(content: bytearray, random: Random) -> bytearray:
    return content[: random.randrange(len(content))]


def flip_a_bit(content: bytearray, random: Random) -> bytearray:
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return content


def insert_a_byte(content: bytearray, random: Random) -> bytearray:
    content.insert(random.randrange(len(content) + 1), random.randrange(256))
    return content


def lose_a_byte(content: bytearray, random: Random) -> bytearray:
    del content[random.randrange(len(content))]
    return content


def zero_a_block(content: bytearray, random: Random) -> bytearray:
    at = random.randrange(len(content))
    end = min(at + BLOCK, len(content))
    content[at:end] = bytes(end - at)
    return content


def swap_blocks(content: bytearray, random: Random) -> bytearray:
    one, other = (random.randrange(max(len(content) // BLOCK, 1)) * BLOCK for _ in range(2))
    a, b = content[one : one + BLOCK], content[other : other + BLOCK]
    size = min(len(a), len(b))
    content[one : one + size], content[other : other + size] = b[:size], a[:size]
    return content


KINDS: tuple[Callable[[bytearray, Random], bytearray], ...] = (
    cut_off,
    flip_a_bit,
    insert_a_byte,
    lose_a_byte,
    zero_a_block,
    swap_blocks,
)


def mutated(content: bytes, random: Random) -> tuple[str, bytes]:
    """The kind of damage, and what is left of the content: other bytes than it had."""
    while True:
        kind = random.choice(KINDS)
        changed = bytes(kind(bytearray(content), random))
        if changed != content:
            return kind.__name__.replace("_", " "), changed
