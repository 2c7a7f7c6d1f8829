"""The files around the tree say what the tree says."""

import json
import re
from pathlib import Path

import pytest
import yaml

from components.settings import Settings
from components.settings.images import Image, parse
from components.settings.permissions import ACME, CERTIFICATES, CLOUDFLARE, HETZNER, R2, listed
from components.settings.reference import inserted
from components.settings.report import description_of, paths, section_of
from components.settings.secrets import SECRETS
from rehearsal.declared.stacks import ROOT, stack_file

PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
STACKS = ["local", "uat", "prod"]


def test_the_schema_knows_every_key_of_the_tree_and_every_secret_and_no_other() -> None:
    assert list(PROJECT["config"]) == [*Settings.model_fields, *SECRETS]


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_a_section_is_described_and_may_be_left_to_the_program(name: str) -> None:
    declared = PROJECT["config"][name]
    assert declared["type"] == "object"
    assert declared["description"]
    assert declared["default"] == {}, (
        "without a default the engine refuses the stack before the program can speak"
    )


@pytest.mark.parametrize("name", list(SECRETS))
def test_a_secret_is_marked_and_optional(name: str) -> None:
    declared = PROJECT["config"][name]
    assert declared["secret"] is True
    assert declared["description"]
    assert declared["default"] == ""
    assert "type" not in declared, "the engine refuses a typed secret that is not set"


def test_the_readme_has_the_tables_that_the_tree_makes() -> None:
    readme = (ROOT / "Pulumi.README.md").read_text(encoding="utf-8")
    assert readme == inserted(readme), "run `python -m components.settings.reference`"
    for path in paths(Settings):
        leaf = not any(other.startswith(f"{path}.") for other in paths(Settings))
        assert not leaf or f"| `{path}` |" in readme
    for secret in SECRETS:
        assert f"`{secret}`" in readme


def test_every_setting_is_described() -> None:
    def walk(section: type, prefix: str) -> None:
        for name, field in section.model_fields.items():  # type: ignore[attr-defined]
            if inner := section_of(field):
                walk(inner, f"{prefix}{name}.")
            else:
                assert description_of(section, name) != name, f"{prefix}{name} has no description"

    walk(Settings, "")


def test_the_environment_template_names_the_tokens_and_holds_no_value() -> None:
    template = (ROOT / ".env.template").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^(?:# )?([A-Z_]+)=(.*)$", template, re.MULTILINE))
    assert {"HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"} <= set(
        variables
    )
    assert {name for name, value in variables.items() if value} == {"PULUMI_BACKEND_URL"}


@pytest.mark.parametrize("file", ["README.md", ".env.template"])
def test_a_text_that_says_what_the_providers_tokens_may_do_says_what_is_asked_of_them(file: str) -> None:
    """infrastructure B7: the texts and the check before the first resource agree."""
    text = (ROOT / file).read_text(encoding="utf-8")
    for words in (HETZNER, listed(CLOUDFLARE), CERTIFICATES.words, listed(R2)):
        assert words in text


@pytest.mark.parametrize("file", ["README.md", "Pulumi.README.md", "Pulumi.yaml"])
def test_a_text_that_says_what_traefiks_token_may_do_says_what_traefik_needs(file: str) -> None:
    """runtime 12: with the shorter of two texts Traefik found no zone, and got no certificate."""
    text = " ".join((ROOT / file).read_text(encoding="utf-8").split())
    assert listed(ACME) in text.partition("acme_dns_token")[2][:200]


def test_no_text_names_a_permission_in_other_words() -> None:
    """infrastructure B7, runtime 12: a spelling of its own is one that no test compares."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / ".env.template", ROOT / "Pulumi.yaml"]
    known = {permission.words for permission in (*CLOUDFLARE, CERTIFICATES, *R2)}
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"Zone[,:.] ?(Zone|DNS|SSL)", text), file
        assert set(re.findall(r"(?:Zone|Account) / [\w ]+ / (?:Read|Edit)", text)) <= known, file


OWN = ("api", "worker", "web", "postgres_archiving")
"""Images that are built from the user's own sources."""


@pytest.mark.parametrize("stack", STACKS)
def test_the_images_of_others_are_pinned_by_tag_and_digest(stack: str) -> None:
    for name, reference in stack_file(stack)["images"].items():
        if name not in OWN:
            assert parse(reference).digest, f"{name} in Pulumi.{stack}.yaml"


def test_the_stacks_run_the_same_images() -> None:
    local, uat, prod = (stack_file(stack)["images"] for stack in STACKS)
    assert local == uat == prod, "UAT shows what production will be"


@pytest.mark.parametrize("stack", STACKS)
def test_renovate_reads_every_image_of_others(stack: str) -> None:
    found = read_by_renovate(f"Pulumi.{stack}.yaml")
    images = stack_file(stack)["images"]
    expected = [parse(images[name]) for name in images if name not in OWN]
    assert [Image(f["depName"], f["currentValue"], f["currentDigest"]) for f in found] == expected
    assert {f["datasource"] for f in found} == {"docker"}


def test_renovate_raises_the_version_of_a_contract_with_the_image() -> None:
    for name, reference in stack_file("uat")["images"].items():
        if name not in OWN:
            (found,) = read_by_renovate(f"rehearsal/images/contracts/{name}.yaml")
            image = parse(reference)
            assert (found["depName"], found["currentValue"]) == (image.repository, image.tag)


def read_by_renovate(path: str) -> list[dict[str, str]]:
    """What the one manager that takes the file finds in it."""
    managers = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))["customManagers"]
    (manager,) = (m for m in managers if any(re.search(p.strip("/"), path) for p in m["managerFilePatterns"]))
    (pattern,) = manager["matchStrings"]
    return [
        m.groupdict()
        for m in re.finditer(pattern.replace("(?<", "(?P<"), Path(ROOT / path).read_text("utf-8"))
    ]


def test_renovate_keeps_to_the_lines_that_are_allowed() -> None:
    rules = json.loads((ROOT / "renovate.json").read_text(encoding="utf-8"))["packageRules"]
    allowed = {
        r["matchPackageNames"][0]: r["allowedVersions"].strip("/") for r in rules if "allowedVersions" in r
    }
    images = stack_file("prod")["images"]
    assert re.search(allowed["postgres"], parse(images["postgres"]).tag)
    assert not re.search(allowed["postgres"], "16.1-bookworm")
    assert not re.search(allowed["postgres"], "15.19-alpine")
    assert re.search(allowed["haproxy"], parse(images["socket_proxy"]).tag)


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("traefik:v3.6", Image("traefik", "v3.6", None)),
        ("localhost:5000/a/b:1", Image("localhost:5000/a/b", "1", None)),
        (f"ghcr.io/x/y_z:t@sha256:{'a' * 64}", Image("ghcr.io/x/y_z", "t", f"sha256:{'a' * 64}")),
    ],
)
def test_a_reference_is_taken_apart(reference: str, image: Image) -> None:
    assert parse(reference) == image


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v3.6.25", (3, 6, 25)), ("15.19-bookworm", (15, 19)), ("15-dev", (15,)), ("dev", None)],
)
def test_a_version_is_what_the_tag_begins_with(tag: str, version: tuple[int, ...] | None) -> None:
    assert Image("x", tag, None).version == version
