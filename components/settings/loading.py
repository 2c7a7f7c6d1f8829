"""Reads the tree from the stack's configuration."""

import json

import pulumi

from components.settings.tree import Settings


def load(config: pulumi.Config) -> Settings:
    """The settings of the stack that `config` belongs to."""
    raw = {name: config.get_object(name) for name in Settings.model_fields}
    return Settings.model_validate_json(json.dumps({k: v for k, v in raw.items() if v is not None}))
