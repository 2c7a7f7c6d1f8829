"""Which login a role of the database has, whose password may change while it is used.

A role owns what is in its database. Who logs in is the role itself at first, and from its first rotation on
one of two members of it, in turns: the containers of before keep theirs while the new ones come up with the
other, which has another password. What a member makes is the owner's (`roles.sh`).
"""

MEMBERS = ("a", "b")
"""What the names of the two end with."""


def login(owner: str, rotation: int) -> str:
    """The one after so many rotations."""
    return f"{owner}_{MEMBERS[(rotation - 1) % len(MEMBERS)]}" if rotation else owner
