"""What the cutover writes for the proxy, word by word."""

import json

from components.services.cutover import BEFORE, configuration

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
