"""What the cutover writes for the proxy, word by word; and the canary that comes and goes with it."""

import json
import shlex

from components.services.cutover import BEFORE, configuration
from rehearsal.declared.platform import commands, containers, declare, declared

FOUND = {
    "api": ("api-1a2b3c4", 4000),
    "web": ("web-1a2b3c4", 8080),
    "temporal-ui": ("temporal-ui-1a2b3c4", 8080),
}


def one(container: str) -> dict[str, object]:
    return {"loadBalancer": {"servers": [{"url": f"http://{container}"}]}}


def asked(container: str, service: str) -> dict[str, object]:
    return {"rule": f"Host(`{container}`)", "entryPoints": ["ping"], "service": service}


def test_the_two_files_word_by_word() -> None:
    candidates, servers = (json.loads(file) for file in configuration(FOUND))
    assert candidates == {
        "http": {
            "services": {
                "candidate-api": one("api-1a2b3c4:4000"),
                "candidate-web": one("web-1a2b3c4:8080"),
                "candidate-temporal-ui": one("temporal-ui-1a2b3c4:8080"),
            },
            "routers": {
                "candidate-api": asked("candidate-api-1a2b3c4", "candidate-api"),
                "candidate-web": asked("candidate-web-1a2b3c4", "candidate-web"),
                "candidate-temporal-ui": asked("candidate-temporal-ui-1a2b3c4", "candidate-temporal-ui"),
            },
        }
    }
    assert servers == {
        "http": {
            "services": {
                "web-before": one(f"{BEFORE}:8080"),
                "web-assets": {
                    "failover": {
                        "service": "web",
                        "fallback": "web-before",
                        "errors": {"status": ["404"], "maxRequestBodyBytes": 0},
                    }
                },
                "api": one("api-1a2b3c4:4000"),
                "web": one("web-1a2b3c4:8080"),
                "temporal-ui": one("temporal-ui-1a2b3c4:8080"),
            },
            "routers": {
                "serves-api": asked("serves-api-1a2b3c4", "api"),
                "serves-web": asked("serves-web-1a2b3c4", "web"),
                "serves-temporal-ui": asked("serves-temporal-ui-1a2b3c4", "temporal-ui"),
            },
        }
    }


def test_a_canary_has_its_share_of_the_clients_word_by_word() -> None:
    candidates, servers = (
        json.loads(file) for file in configuration({**FOUND, "api-canary": ("api-canary-5d6e7f8", 4000)}, 5)
    )
    assert candidates["http"]["services"]["candidate-api-canary"] == one("api-canary-5d6e7f8:4000")
    services = {name: service for name, service in servers["http"]["services"].items() if "api" in name}
    assert services == {
        "api": {
            "weighted": {
                "services": [
                    {"name": "api-stable", "weight": 95},
                    {"name": "api-canary-or-stable", "weight": 5},
                ],
                "sticky": {
                    "cookie": {
                        "name": "jira_plus_plus_api",
                        "httpOnly": True,
                        "secure": True,
                        "sameSite": "lax",
                        "maxAge": 86400,
                    }
                },
            }
        },
        "api-stable": one("api-1a2b3c4:4000"),
        "api-canary-or-stable": {"failover": {"service": "api-canary", "fallback": "api-stable"}},
        "api-canary": {
            "loadBalancer": {
                "servers": [{"url": "http://api-canary-5d6e7f8:4000"}],
                "healthCheck": {"path": "/health", "interval": "1s", "timeout": "3s"},
            }
        },
    }
    routers = servers["http"]["routers"]
    assert routers["serves-api"] == asked("serves-api-1a2b3c4", "api-stable"), "each by itself"
    assert routers["serves-api-canary"] == asked("serves-api-canary-5d6e7f8", "api-canary")


IMAGE = f"example.com/api:1.1.0@sha256:{'1' * 64}"
CANARY = {"release.canary": {"image": IMAGE, "share": 5}}


def test_a_canary_is_the_api_but_for_its_image_its_name_and_its_pool() -> None:
    recorded = declare("prod", {**CANARY, "host.server_type": "cx43", "host.server_type_fallbacks": []})
    api, canary = (containers(recorded)[name].inputs for name in ("api", "api-canary"))
    assert (api["image"], canary["image"]) == ("sha256:image-api", "sha256:image-api-canary")
    different = {key for key in api if api[key] != canary[key]}
    assert different == {"image", "labels", "logOpts", "mounts", "networksAdvanced"}
    files = {name: commands(recorded)[f"{name}-files"].inputs["stdin"] for name in ("api", "api-canary")}
    assert files["api"] != files["api-canary"], "the size of the pool is in DATABASE_URL"
    assert {label["label"]: label["value"] for label in canary["labels"]}[
        "jira-plus-plus.service"
    ] == "api-canary"
    assert canary["logOpts"]["tag"] == "jira-prod-api-canary"
    assert [network["aliases"] for network in canary["networksAdvanced"] if network["aliases"]] == [
        ["api-canary"]
    ] * 4


def test_a_canary_migrates_nothing_and_comes_after_the_migration_of_the_api() -> None:
    without, recorded = declared("uat"), declare("local", CANARY)
    assert "api-canary" not in containers(without)
    migration = commands(recorded)["migration"].inputs["create"]
    assert "sha256:image-api " in migration
    assert "image-api-canary" not in migration
    dependencies = containers(recorded)["api-canary"].request.dependencies
    assert any(urn.endswith("::migration") for urn in dependencies)


def test_what_is_no_canary_any_more_is_ended_with_the_next_change_of_the_traffic() -> None:
    words = shlex.split(commands(declared("local"))["cutover"].inputs["create"])
    assert "api-canary=" in words, "none is to be left"
    words = shlex.split(commands(declare("local", CANARY))["cutover"].inputs["create"])
    assert "api-canary=api-canary-0a1b2c3" in words


def test_an_image_for_another_machine_is_told_by_its_setting() -> None:
    platform = commands(declare("local", CANARY))["image-platform"].inputs["create"]
    assert shlex.split(platform)[-4:] == [
        "images.api=sha256:image-api",
        "images.worker=sha256:image-worker",
        "images.web=sha256:image-web",
        "release.canary.image=sha256:image-api-canary",
    ]
