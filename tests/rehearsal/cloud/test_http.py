"""Who may ask, what is refused at the door, limits, the log, the controls."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

import pytest
import requests

from tests.rehearsal.cloud.harness import TOKEN, ZONE_ID, Client, Embedded, public_key


def test_it_listens_on_loopback_only(cloud: Embedded) -> None:
    assert cloud.url.startswith("http://127.0.0.1:")
    port = int(cloud.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), 1):
        pass
    # Whoever listens on all addresses is reached on 127.0.0.2 as well.
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), 1):
        pass


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "ümlaut"])
def test_a_wrong_token_gets_nowhere(cloud: Embedded, token: str) -> None:
    stranger = Client(cloud.url, "x")
    header = {"Authorization": f"Bearer {token}".encode().decode("latin-1")}
    hetzner = stranger.ask("GET", "/v1/servers", **header)
    assert (hetzner.status, hetzner.code) == (401, "unauthorized")
    assert stranger.ask("GET", "/cf/zones", **header).status in (400, 403)
    assert stranger.ask("GET", "/_rehearsal/state", **header).status == 401


def test_cloudflares_words_for_bad_tokens(cloud: Embedded) -> None:
    plain = requests.get(f"{cloud.url}/cf/zones", timeout=5)
    assert (plain.status_code, plain.json()["errors"][0]["code"]) == (400, 9106)
    malformed = cloud.ask("GET", "/cf/zones", Authorization="Basic abc")
    assert (malformed.status, malformed.code) == (400, 6003)
    assert malformed.body["errors"][0]["error_chain"][0]["code"] == 6111
    wrong = Client(cloud.url, "wrong")
    assert (wrong.ask("GET", "/cf/zones").status, wrong.ask("GET", "/cf/zones").code) == (403, 9109)
    verify = wrong.ask("GET", "/cf/user/tokens/verify")
    assert (verify.status, verify.code) == (401, 1000)
    assert cloud.good("GET", "/cf/user/tokens/verify")["result"]["status"] == "active"


@pytest.mark.parametrize(
    ("method", "path", "permissions", "status", "code"),
    [
        ("GET", "/v1/servers", ["read"], 200, None),
        ("POST", "/v1/servers", ["read"], 401, "token_readonly"),
        ("POST", "/v1/servers", ["read", "write"], 422, "invalid_input"),
        ("PUT", "/v1/ssh_keys/0", ["read", "write"], 404, "not_found"),
        ("GET", f"/cf/zones/{ZONE_ID}", ["#zone:read"], 200, None),
        ("GET", f"/cf/zones/{ZONE_ID}", ["#dns_records:edit"], 403, 9109),
        ("GET", f"/cf/zones/{ZONE_ID}/dns_records", ["#dns_records:edit"], 200, None),
        ("GET", f"/cf/zones/{ZONE_ID}/dns_records", ["#zone:read"], 403, 10000),
        ("POST", f"/cf/zones/{ZONE_ID}/dns_records", ["#dns_records:read"], 403, 10000),
        ("GET", f"/cf/zones/{ZONE_ID}/settings/ssl", ["#zone_settings:read"], 200, None),
        ("PATCH", f"/cf/zones/{ZONE_ID}/settings/ssl", ["#zone_settings:read"], 403, 10000),
        ("GET", f"/cf/certificates?zone_id={ZONE_ID}", ["#zone:read"], 403, 10000),
    ],
)
def test_a_token_that_was_given_out_may_do_what_it_was_given_for(
    cloud: Embedded, method: str, path: str, permissions: list[str], status: int, code: object
) -> None:
    provider = "hetzner" if path.startswith("/v1") else "cloudflare"
    given = {"token": "given-out", "provider": provider, "permissions": permissions}
    cloud.good("POST", "/_rehearsal/tokens", given)
    answer = Client(cloud.url, "given-out").ask(method, path, None if method == "GET" else {})
    assert (answer.status, None if answer.status == 200 else answer.code) == (status, code)


def test_a_zone_says_what_the_asking_token_may_do_in_it(cloud: Embedded) -> None:
    given = {"token": "given-out", "provider": "cloudflare", "permissions": ["#zone:read"]}
    cloud.good("POST", "/_rehearsal/tokens", given)
    asking = Client(cloud.url, "given-out")
    assert asking.good("GET", f"/cf/zones/{ZONE_ID}")["result"]["permissions"] == ["#zone:read"]
    assert "#zone_settings:edit" in cloud.good("GET", f"/cf/zones/{ZONE_ID}")["result"]["permissions"]


def test_a_token_that_has_expired_is_known_as_such_and_gets_nowhere(cloud: Embedded) -> None:
    given = {"token": "old", "provider": "cloudflare", "permissions": ["#zone:read"], "status": "expired"}
    cloud.good("POST", "/_rehearsal/tokens", given)
    old = Client(cloud.url, "old")
    assert old.good("GET", "/cf/user/tokens/verify")["result"]["status"] == "expired"
    assert (old.ask("GET", "/cf/zones").status, old.ask("GET", "/cf/zones").code) == (403, 9109)
    assert cloud.ask("POST", "/_rehearsal/tokens", {**given, "status": "lost"}).status == 422
    assert cloud.ask("POST", "/_rehearsal/tokens", {"token": "x"}).status == 422


def test_bad_json_unknown_paths_wrong_methods(cloud: Embedded) -> None:
    for path, code in (("/v1/servers", "json_error"), (f"/cf/zones/{ZONE_ID}/dns_records", 9207)):
        answer = requests.post(
            cloud.url + path, data="{", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
        )
        assert answer.status_code == 400
        body = answer.json()
        assert (body["error"]["code"] if "error" in body else body["errors"][0]["code"]) == code
    assert cloud.ask("GET", "/v1/moons").code == "not_found"
    assert cloud.ask("PATCH", "/v1/servers").code == "method_not_allowed"
    assert cloud.ask("GET", "/cf/moons").code == 7000
    assert cloud.ask("GET", "/elsewhere").status == 404
    assert cloud.ask("POST", "/v1/servers", [1]).code == "invalid_input"


def test_cloudflare_answers_under_its_own_path_as_well(cloud: Embedded) -> None:
    ours, theirs = cloud.ask("GET", f"/cf/zones/{ZONE_ID}"), cloud.ask("GET", f"/client/v4/zones/{ZONE_ID}")
    assert ours.body == theirs.body


def test_every_answer_tells_the_rate(make: Callable[..., Embedded]) -> None:
    cloud = make(rate_limit=3600, cloudflare_limit=1200)
    first, second = cloud.ask("GET", "/v1/servers"), cloud.ask("GET", "/v1/nothing")
    assert first.headers["RateLimit-Limit"] == "3600"
    assert int(second.headers["RateLimit-Remaining"]) < int(first.headers["RateLimit-Remaining"]) <= 3599
    assert "q=1200;w=300" in cloud.ask("GET", "/cf/zones").headers["Ratelimit-Policy"]


def test_too_many_requests_are_refused(make: Callable[..., Embedded]) -> None:
    cloud = make(rate_limit=5, cloudflare_limit=3)
    for _ in range(5):
        assert cloud.ask("GET", "/v1/servers").status == 200
    answer = cloud.ask("GET", "/v1/servers")
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert answer.headers["RateLimit-Remaining"] == "0"
    for _ in range(3):
        assert cloud.ask("GET", "/cf/zones").status == 200
    throttled = cloud.ask("GET", "/cf/zones")
    assert (throttled.status, throttled.code) == (429, 971)
    assert 0 < int(throttled.headers["Retry-After"]) <= 300


def test_the_bucket_refills(make: Callable[..., Embedded]) -> None:
    cloud = make(rate_limit=36000)
    limit = cloud._server.apis[0].limit
    limit._left = 0.0  # type: ignore[attr-defined]
    limit._at -= 1.0  # type: ignore[attr-defined]
    assert cloud.ask("GET", "/v1/servers").status == 200, "a second brings ten requests at 36000 an hour"


def test_the_log_has_the_shape_of_the_recorded_traces_and_no_secret(cloud: Embedded) -> None:
    canary = "canary-5531"
    cloud.good("POST", "/v1/ssh_keys", {"name": "k", "public_key": public_key()})
    cloud.server(user_data=f"#cloud-config\n# {canary}", ssh_keys=["k"])
    cloud.zone("POST", "/origin_tls_client_auth", {"certificate": "x", "private_key": canary})
    cloud.ask("GET", "/v1/servers?name=box")
    entries = cloud.requests()
    assert all(set(entry) == {"m", "p", "body", "status"} for entry in entries)
    assert entries[-1] == {"m": "GET", "p": "/v1/servers?name=box", "body": None, "status": 200}
    created = next(entry for entry in entries if entry["p"] == "/v1/servers")
    assert created["body"]["user_data"] == "[secret]"
    for path in cloud.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert canary.encode() not in content, f"{path} holds user_data after the machine has it"
            assert TOKEN.encode() not in content, f"{path} holds the token"
    assert (cloud.folder.stat().st_mode & 0o777) == 0o700, "the folder is its owner's alone"


def test_controls(cloud: Embedded) -> None:
    assert cloud.state()["empty"]
    assert cloud.state()["docker"] == "record"
    cloud.volume()
    state = cloud.state()
    assert not state["empty"]
    assert state["counts"]["volume"] == 1
    total = cloud.good("GET", "/_rehearsal/requests")["total"]
    assert total == 2, "the controls themselves are not logged"
    assert cloud.good("GET", f"/_rehearsal/requests?after={total - 1}")["requests"][0]["m"] == "GET"
    cloud.good("DELETE", "/_rehearsal/requests")
    assert cloud.requests() == []
    assert cloud.ask("GET", "/_rehearsal/moon").status == 404
    assert cloud.ask("PUT", "/_rehearsal/state").status == 405


def test_a_body_that_is_too_long_is_refused(cloud: Embedded) -> None:
    body = json.dumps({"name": "x" * (1024 * 1024)})
    answer = requests.post(
        f"{cloud.url}/v1/servers", data=body, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=5
    )
    assert answer.status_code == 413
