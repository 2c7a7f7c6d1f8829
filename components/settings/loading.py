"""Reads the tree from the stack's configuration, and checks it whole before the first resource."""

import json
import os
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import config as engine
from pydantic import ValidationError

from components.clouds import accounts
from components.settings import report, rules, secrets
from components.settings.private_key import unusable
from components.settings.problem import NOT_SHOWN, NOTHING, Problem, SettingsError
from components.settings.section import Section
from components.settings.tokens import malformed
from components.settings.tree import Settings


def load(config: pulumi.Config, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the stack that `config` belongs to.

    Raises SettingsError with every mistake at once: unknown keys, wrong types and values, what does not go
    together, and secrets and provider tokens (looked for in `environment`) that are missing.
    """
    values = _values(config)
    encrypted = {name for name in values if _is_encrypted(f"{config.name}:{name}")}
    tokens = _provider_tokens(environment)
    screen = report.Screen(
        encrypted,
        [*tokens.values(), *(values[name] for name in {*encrypted, *secrets.SECRETS} & values.keys())],
    )

    problems: list[Problem] = []
    raw = _sections(values)
    unknown: dict[str, Problem] = {}
    sections = _validated(report.without_unknown(Settings, raw, unknown, Settings), screen, problems)
    # A misspelt key explains why the one that was meant is missing.
    problems = [p for p in problems if not (p.got == NOTHING and p.path in unknown)] + list(unknown.values())
    problems += rules.broken(sections, pulumi.get_stack(), rehearsed=accounts(environment).on_this_machine)
    problems += _misplaced_secrets(values, encrypted)
    present = {name: values[name] for name in secrets.SECRETS if values.get(name)}
    problems += secrets.missing(raw, {**present, **tokens})
    problems += malformed(secrets.tokens(raw, {**present, **tokens}))
    problems += unusable(present)
    if problems:
        raise SettingsError(_in_order(problems))
    return Settings.model_validate(sections)


def _values(config: pulumi.Config) -> dict[str, str]:
    """The raw text of every key in the project's namespace."""
    # An inline program has its configuration set, one that the engine starts has it in its environment.
    prefix = f"{config.name}:"
    everything = {**engine.get_config_env(), **engine.CONFIG.get()}
    return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}


def _is_encrypted(key: str) -> bool:
    return engine.is_config_secret(key) or key in engine.get_config_secret_keys_env()


def _provider_tokens(environment: Mapping[str, str]) -> dict[str, str]:
    """The tokens of the two providers, by the variables of the environment that they look into last."""
    hcloud, cloudflare = pulumi.Config("hcloud").get("token"), pulumi.Config("cloudflare").get("apiToken")
    found = {
        "HCLOUD_TOKEN": hcloud or environment.get("HCLOUD_TOKEN"),
        "CLOUDFLARE_API_TOKEN": cloudflare or environment.get("CLOUDFLARE_API_TOKEN"),
    }
    return {name: token for name, token in found.items() if token}


def _sections(values: Mapping[str, str]) -> dict[str, Any]:
    """The keys that are not secrets, decoded. An empty section is the default in Pulumi.yaml: nothing."""
    decoded: dict[str, Any] = {}
    for name, text in values.items():
        if name in secrets.SECRETS:
            continue
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            value = text
        if value != {} or name not in Settings.model_fields:
            decoded[name] = value
    return decoded


def _validated(
    raw: Mapping[str, Any], screen: report.Screen, problems: list[Problem]
) -> dict[str, Section | None]:
    """Each section that is sound by itself; what is wrong with the others goes to `problems`."""
    sections: dict[str, Section | None] = {}
    for name, field in Settings.model_fields.items():
        section = report.section_of(field)
        assert section is not None, "every field of the tree is a section"
        if name not in raw:
            if field.is_required():
                keys = ", ".join(section.model_fields)
                problems.append(Problem(name, NOTHING, "is required", f"add it, with {keys}"))
            else:
                sections[name] = field.default
            continue
        try:
            # As JSON, in which strict types still take a list for a tuple.
            sections[name] = section.model_validate_json(json.dumps(raw[name]))
        except ValidationError as error:
            problems.extend(report.problems_of(error, section, name, screen))
    return sections


def _misplaced_secrets(values: Mapping[str, str], encrypted: set[str]) -> list[Problem]:
    """Secrets in the clear, and settings that are encrypted: the tree is shown in previews and outputs."""
    return [
        Problem(
            name,
            NOT_SHOWN,
            "holds something encrypted, but settings are no secrets and are shown",
            f"write it in the clear; what is secret has a key of its own: {', '.join(secrets.SECRETS)}",
        )
        for name in Settings.model_fields
        if name in encrypted
    ] + [
        Problem(
            name,
            NOT_SHOWN,
            "stands in the stack file in the clear",
            f"give it up where it was issued, and run `pulumi config set --secret {name}` with a new one",
        )
        for name in secrets.SECRETS
        if values.get(name) and name not in encrypted
    ]


def _in_order(problems: list[Problem]) -> list[Problem]:
    """In the order of the tree, then the rest."""
    order = list(Settings.model_fields)

    def place(problem: Problem) -> int:
        section = problem.path.partition(".")[0].partition("[")[0]
        return order.index(section) if section in order else len(order)

    return sorted(problems, key=place)
