"""What stands in a stack's way at a provider is told before anything is made there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from operations.deployment import DeploymentFailed
from tests.engine.conftest import Bring
from tests.engine.lab import NEW_ZONE_ID, OTHER_ZONE_ID, SECRETS, ZONE_ID, Lab

pytestmark = pytest.mark.engine

NAME = "app-uat.example.com"
OTHER_TOKEN = "o" * 64
ZONE, SETTINGS, DNS, CERTIFICATES = "#zone:read", "#zone_settings:edit", "#dns_records:edit", "#ssl:edit"
READING = [ZONE, "#zone_settings:read", "#dns_records:read", "#ssl:read"]
ACME = {"tls.mode": "dns-01", "tls.acme_email": "ops@example.com"}


def record(lab: Lab, type_: str, content: str, comment: str | None = None, name: str = NAME) -> str:
    """Puts a record into the zone, as its owner has; its id."""
    body = {"type": type_, "name": name, "content": content, "comment": comment, "proxied": True, "ttl": 1}
    return str(lab.ask("POST", f"/client/v4/zones/{ZONE_ID}/dns_records", body)["result"]["id"])


def refusal(
    lab: Lab,
    changes: dict[str, Any] | None = None,
    run: str = "up",
    prepare: Callable[[], None] = lambda: None,
) -> list[str]:
    """What is said of a run that is refused before anything was made."""
    before = lab.holdings()
    lab.cloud.audit.clear()
    deployment = lab.deployment("uat", changes or {})
    prepare()
    with pytest.raises(DeploymentFailed) as failed:
        getattr(deployment, run)()
    head, count, *lines = (line.strip() for line in str(failed.value).splitlines())
    assert head == f"{run} failed:"
    assert count.endswith("in the way of this stack (nothing was created or changed):")
    assert int(count.split()[0]) == len(lines)
    assert lab.holdings() == before, "nothing was made"
    assert not any(r["m"] in ("POST", "PATCH", "DELETE") for r in lab.requests()), "nor asked for"
    assert "Traceback" not in "\n".join(lab.output)
    return lines


def as_(lab: Lab, monkeypatch: pytest.MonkeyPatch, **tokens: str) -> None:
    """From here on the program asks with these tokens; the plugins, which stay, keep the lab's own."""
    surroundings = lab.surroundings
    monkeypatch.setattr(lab, "surroundings", lambda: {**surroundings(), **tokens})


@pytest.mark.parametrize("run", ["preview", "up"])
@pytest.mark.parametrize("type_", ["A", "AAAA", "CNAME"])
def test_a_record_of_somebody_else_at_our_name_is_refused_with_its_id_and_the_ways_out(
    run: str, type_: str, bring: Bring
) -> None:
    """infrastructure A9: Cloudflare adds a second address, and serves both in turn."""
    lab = bring("uat", up=False)
    content = {"A": "192.0.2.1", "AAAA": "2001:db8::1", "CNAME": "old.example.com"}[type_]
    id_ = record(lab, type_, content)
    (line,) = refusal(lab, run=run)
    assert line.startswith(f"domain.web: got {NAME} {type_} {content} (record {id_}); is not this stack's")
    assert "delete it at Cloudflare" in line
    import_ = f"cloudflare:index/dnsRecord:DnsRecord edge-web-{type_.lower()} {ZONE_ID}/{id_}"
    assert (import_ in line) is (type_ != "CNAME"), "an alias cannot become an address"


def test_the_record_of_another_stack_of_the_program_is_refused_by_its_stack_s_name(bring: Bring) -> None:
    """infrastructure A9: "a new stack is a copy", its labels too."""
    lab = bring("uat", up=False)
    record(lab, "A", "192.0.2.1", "jira-plus-plus prod")
    (line,) = refusal(lab)
    assert "; is the stack prod's, and its visitors would go there and here in turn; " in line


def test_a_record_that_leads_the_proof_of_a_name_elsewhere_is_refused_where_it_is_needed(
    bring: Bring,
) -> None:
    """infrastructure A9, runtime 12: lego follows it into a zone that is not its token's."""
    lab = bring("uat", up=False)
    body = {"type": "CNAME", "name": f"_acme-challenge.{NAME}", "content": "x.acme-dns.test", "ttl": 1}
    lab.ask("POST", f"/client/v4/zones/{ZONE_ID}/dns_records", body)
    (line,) = refusal(lab, ACME, run="preview")
    assert line.startswith(f"domain.web: got _acme-challenge.{NAME} CNAME x.acme-dns.test (record ")
    assert "; leads the proof of tls.mode dns-01 elsewhere, so that Traefik would get no certificate;" in line
    lab.deployment("uat").preview()


def test_what_serves_other_names_or_serves_nobody_is_no_hindrance(bring: Bring) -> None:
    """infrastructure A9: only what leads a name of ours elsewhere is in the way."""
    lab = bring("uat", up=False)
    body = {"type": "A", "name": "shop.example.com", "content": "192.0.2.1", "ttl": 1}
    lab.ask("POST", f"/client/v4/zones/{ZONE_ID}/dns_records", body)
    lab.ask(
        "POST",
        f"/client/v4/zones/{ZONE_ID}/dns_records",
        {"type": "TXT", "name": NAME, "content": "site-verification=1"},
    )
    lab.deployment("uat").up()
    assert lab.deployment("uat").up().changes == 0, "nor are our own records, at the next up"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"domain.zone_id": OTHER_ZONE_ID},
            f'domain.zone_id: got "{OTHER_ZONE_ID}"; is the id of the zone example.org, and domain.zone is '
            "example.com; copy the id of example.com from Cloudflare's overview page, or set domain.zone: "
            "example.org",
        ),
        (
            {
                "domain.zone": "dev.example.com",
                "application.cors_origins": ["https://app-uat.dev.example.com"],
            },
            f'domain.zone_id: got "{ZONE_ID}"; is the id of the zone example.com, and domain.zone is '
            "dev.example.com; set domain.zone: example.com, and labels of one level, e.g. domain.api: "
            "api-uat-dev",
        ),
        (
            {"domain.zone_id": "a" * 32},
            f'domain.zone_id: got "{"a" * 32}"; is no zone that CLOUDFLARE_API_TOKEN may read; '
            f"use the id of example.com: {ZONE_ID}",
        ),
    ],
    ids=["another zone", "a subdomain as a zone", "nobody's"],
)
def test_the_id_of_another_zone_is_refused(changes: dict[str, Any], said: str, bring: Bring) -> None:
    """infrastructure B3: two keys for one thing."""
    assert said in refusal(bring("uat", up=False), changes)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"status": "pending"}, "is pending at Cloudflare, which serves active zones only; let the domain's"),
        ({"paused": True}, "is paused at Cloudflare: visitors would be sent to the server itself; resume"),
    ],
    ids=["pending", "paused"],
)
def test_a_zone_that_cloudflare_does_not_serve_is_refused(
    state: dict[str, Any], said: str, bring: Bring
) -> None:
    """infrastructure B3."""
    lab = bring("uat", up=False)
    zone = next(zone for zone in lab.objects("zone") if zone["id"] == ZONE_ID)
    lab.cloud.store.put("zone", {**zone, **state})
    (line,) = refusal(lab)
    assert line.startswith(f'domain.zone: got "example.com"; {said}')


CLOUDFLARE_TOKENS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "unknown": (None, "is no token that Cloudflare knows, or none that may read the zone example.com"),
    "expired": ({"permissions": [ZONE, SETTINGS, DNS, CERTIFICATES], "status": "expired"}, "is expired"),
    "of DNS alone": ({"permissions": [DNS]}, "or none that may read the zone example.com"),
    "without settings": (
        {"permissions": [ZONE, DNS, CERTIFICATES]},
        "lacks Zone / Zone Settings / Edit;",
    ),
    "without certificates": (
        {"permissions": [ZONE, SETTINGS, DNS]},
        "lacks Zone / SSL and Certificates / Edit;",
    ),
    "that reads": (
        {"permissions": READING},
        "may read only what an up must change: it lacks Zone / Zone Settings / Edit, Zone / DNS / Edit, "
        "Zone / SSL and Certificates / Edit;",
    ),
}


@pytest.mark.parametrize("kind", CLOUDFLARE_TOKENS)
def test_a_token_that_cloudflare_would_refuse_halfway_is_one_error_before_anything_is_made(
    kind: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """infrastructure B7: with the token's name, never its value."""
    lab = bring("uat", up=False)
    token, said = CLOUDFLARE_TOKENS[kind]
    if token is not None:
        lab.cloud.tokens.add(OTHER_TOKEN, "cloudflare", **token)
    as_(lab, monkeypatch, CLOUDFLARE_API_TOKEN=OTHER_TOKEN)
    (line,) = refusal(lab)
    assert line.startswith("CLOUDFLARE_API_TOKEN: got (not shown); ")
    assert said in line
    assert OTHER_TOKEN not in "\n".join(lab.output)


def test_a_preview_is_content_with_tokens_that_read(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    """infrastructure B7: the preview of a pull request holds no more."""
    lab = bring("uat", up=False)
    lab.cloud.tokens.add(OTHER_TOKEN, "cloudflare", READING)
    lab.cloud.tokens.add(OTHER_TOKEN[1:] + "h", "hetzner", ["read"])
    as_(lab, monkeypatch, CLOUDFLARE_API_TOKEN=OTHER_TOKEN, HCLOUD_TOKEN=OTHER_TOKEN[1:] + "h")
    journal = lab.deployment("uat").preview()
    assert any("may read only what an up must change" in warning for warning in journal.warnings)
    assert {request["m"] for request in lab.requests()} == {"GET"}


@pytest.mark.parametrize(
    ("permissions", "said"),
    [
        (None, "is no token that Hetzner knows (any more)"),
        (["read"], "may only read, and this run orders and changes things"),
    ],
    ids=["unknown", "that reads"],
)
def test_a_token_that_hetzner_would_refuse_halfway_is_one_error_before_anything_is_made(
    permissions: list[str] | None, said: str, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """infrastructure B7."""
    lab = bring("uat", up=False)
    if permissions is not None:
        lab.cloud.tokens.add(OTHER_TOKEN, "hetzner", permissions)
    as_(lab, monkeypatch, HCLOUD_TOKEN=OTHER_TOKEN)
    (line,) = refusal(lab)
    assert line.startswith(f"HCLOUD_TOKEN: got (not shown); {said}; ")
    assert OTHER_TOKEN not in "\n".join(lab.output)


@pytest.mark.parametrize(
    ("permissions", "said"),
    [
        ([DNS], "cannot find the zone example.com"),
        ([ZONE], "may not write to the zone example.com"),
        ([ZONE, "#dns_records:read"], "may not write to the zone example.com"),
    ],
)
def test_a_token_with_which_traefik_gets_no_certificate_is_refused(
    permissions: list[str], said: str, bring: Bring
) -> None:
    """runtime 12: lego looks the zone up by its name before it writes."""
    lab = bring("uat", up=False)
    lab.cloud.tokens.add(SECRETS["acme_dns_token"], "cloudflare", permissions)
    (line,) = refusal(lab, ACME)
    assert line == (
        f"acme_dns_token: got (not shown); {said}, so that Traefik would get no certificate; make one for "
        "this zone alone (Zone / Zone / Read, Zone / DNS / Edit), `pulumi config set --secret acme_dns_token`"
    )


def catalogue(lab: Lab, name: str, retired: str = "") -> None:
    """Makes the program's catalogue one without a type on sale; `retired` is a line in its place."""
    path = lab.state / "project" / "components" / "settings" / "catalogue.py"
    text = path.read_text()
    (line,) = [line for line in text.splitlines() if line.strip().startswith(f'_type("{name}",')]
    path.write_text(text.replace(line, "").replace('_type("cx11", 1, 2, 20),', retired))


def test_a_server_whose_type_is_retired_runs_on_and_is_deployed_to(bring: Bring) -> None:
    """infrastructure B6: existing servers keep a type that cannot be ordered any more."""
    lab = bring("uat")
    deployment = lab.deployment("uat", {"services.api.memory_mb": 256})
    catalogue(lab, "cx23", retired='_type("cx23", 2, 4, 40),')
    journal = deployment.up()
    assert [step.name for step in journal.steps if step.op == "update"] == ["api"]
    (warning,) = (text for text in journal.warnings if text.startswith("host.server_type"))
    assert warning.startswith('host.server_type: got "cx23"; is retired: Hetzner takes no orders for it. The')


@pytest.mark.parametrize("up", [False, True])
def test_a_retired_type_is_refused_where_it_would_be_ordered(up: bool, bring: Bring) -> None:
    """infrastructure B6."""
    is_, use = "and there is no server of this stack that is one", "use cx23, its successor"
    if up:
        is_, use = "and the server is of type cx23", "use cx23"
    assert refusal(bring("uat", up=up), {"host.server_type": "cx22"}) == [
        f'host.server_type: got "cx22"; is retired: Hetzner takes no orders for it, {is_}; {use}'
    ]


def test_a_type_that_is_newer_than_the_program_is_had_by_its_memory(bring: Bring) -> None:
    """infrastructure B6: there was no way past the catalogue but to edit it."""
    lab = bring("uat", up=False)
    changes = {"host.memory_mb": 8192, "host.server_type_fallbacks": []}
    said = "host.memory_mb: got 8192; is more than cx23 has; set it to 4096"
    assert refusal(lab, changes, prepare=lambda: catalogue(lab, "cx23")) == [said]
    deployment = lab.deployment("uat", {**changes, "host.memory_mb": 4096})
    catalogue(lab, "cx23")
    assert not any(text.startswith("host.") for text in deployment.up().warnings)
    assert [server["server_type"] for server in lab.objects("server")] == ["cx23"]


def test_a_type_that_hetzner_does_not_know_either_is_refused(bring: Bring) -> None:
    """infrastructure B6."""
    lab = bring("uat", up=False)
    assert refusal(lab, {"host.server_type": "cx24", "host.memory_mb": 4096}) == [
        'host.server_type: got "cx24"; is no server type of Hetzner\'s; see `hcloud server-type list`'
    ]


def settings_of_the_zone(lab: Lab) -> dict[str, Any]:
    found = lab.ask("GET", f"/client/v4/zones/{ZONE_ID}/settings")["result"]
    return {s["id"]: s["value"] for s in found if s["id"] in ("ssl", "min_tls_version", "always_use_https")}


def flexible(lab: Lab) -> None:
    """A zone that was somebody's before: its settings, and a name that lives by them."""
    lab.ask("PATCH", f"/client/v4/zones/{ZONE_ID}/settings/ssl", {"value": "flexible"})
    record(lab, "A", "192.0.2.1", name="shop.example.com")
    record(lab, "A", "192.0.2.2", "jira-plus-plus prod", name="app.example.com")


@pytest.mark.parametrize("run", ["preview", "up"])
def test_what_would_change_for_other_names_of_the_zone_is_told_and_refused(run: str, bring: Bring) -> None:
    """infrastructure B2: "blast radius is the zone, not this repo"."""
    lab = bring("uat", up=False)
    flexible(lab)
    (line,) = refusal(lab, run=run)
    assert line.startswith(
        "edge.zone_settings: got nothing; changes ssl from flexible to strict and min_tls_version from 1.0 "
        "to 1.2 for the whole zone, and so for shop.example.com; see that their servers"
    )


def test_with_leave_the_zone_is_changed_and_the_names_that_live_by_it_are_still_told(bring: Bring) -> None:
    """infrastructure B2."""
    lab = bring("uat", up=False)
    flexible(lab)
    journal = lab.deployment("uat", {"edge.zone_settings": "change"}).up()
    assert settings_of_the_zone(lab) == {
        "ssl": "strict",
        "min_tls_version": "1.2",
        "always_use_https": "off",
    }, "Traefik leads our names to https, so that no other name is led there"
    assert any("and so for shop.example.com" in warning for warning in journal.warnings)
    again = lab.deployment("uat").up()
    assert (again.changes, again.warnings) == (0, []), "what is so already changes for nobody"


def test_a_zone_that_is_to_be_kept_is_not_touched_and_needs_no_permission(
    bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """infrastructure B2."""
    lab = bring("uat", up=False)
    flexible(lab)
    before = settings_of_the_zone(lab)
    lab.cloud.tokens.add(OTHER_TOKEN, "cloudflare", [ZONE, DNS, CERTIFICATES])
    as_(lab, monkeypatch, CLOUDFLARE_API_TOKEN=OTHER_TOKEN)
    lab.deployment("uat", {"edge.zone_settings": "keep"}).preview()
    monkeypatch.undo()
    lab.deployment("uat", {"edge.zone_settings": "keep"}).up()
    assert settings_of_the_zone(lab) == before


def test_names_that_cloudflare_does_not_proxy_live_by_no_setting_of_the_zone(bring: Bring) -> None:
    """infrastructure B2: mail, say, is none of Cloudflare's business."""
    lab = bring("uat", up=False)
    body = {"type": "A", "name": "mail.example.com", "content": "192.0.2.1", "proxied": False, "ttl": 1}
    lab.ask("POST", f"/client/v4/zones/{ZONE_ID}/dns_records", body)
    lab.deployment("uat").preview()


def test_all_that_stands_in_the_way_is_told_at_once(bring: Bring, monkeypatch: pytest.MonkeyPatch) -> None:
    """infrastructure A9, B7."""
    lab = bring("uat", up=False)
    record(lab, "A", "192.0.2.1")
    lab.cloud.tokens.add(SECRETS["acme_dns_token"], "cloudflare", [DNS])
    as_(lab, monkeypatch, HCLOUD_TOKEN=OTHER_TOKEN)
    assert [line.split(":")[0] for line in refusal(lab, ACME)] == [
        "domain.web",
        "acme_dns_token",
        "HCLOUD_TOKEN",
    ]


def test_a_provider_that_does_not_answer_is_a_warning_and_stops_no_run(bring: Bring) -> None:
    """infrastructure A9: an outage of an API is to stop no release that needs nothing of it."""
    lab = bring("uat")
    lab.fault({"kind": "status", "path": "^/client/v4/", "status": 503, "count": None})
    journal = lab.deployment("uat").up()
    assert journal.changes == 0
    assert [warning for warning in journal.warnings if "cannot be asked" in warning] == [
        "Cloudflare cannot be asked (HTTP 503): what stands in the way there was not looked for"
    ]
    (said,) = (line for line in lab.output if "what was changed by hand is not looked at" in line)
    assert "503" in said, "it is read at each run, but a release needs none of it"


def test_a_bucket_that_does_not_answer_is_a_warning_and_stops_no_run(bring: Bring) -> None:
    """What it answers, `tests/live/images/test_s3.py` asks a real one."""
    lab = bring("uat", up=False)
    offsite = {"endpoint": "https://127.0.0.1:9", "bucket": "copies-of-uat"}
    journal = lab.deployment("uat", {"backup.offsite": offsite}).preview()
    (said,) = (warning for warning in journal.warnings if "cannot be asked" in warning)
    assert said.startswith("https://127.0.0.1:9 cannot be asked (")


def test_a_preview_while_a_provider_does_not_answer_shows_what_the_state_says(bring: Bring) -> None:
    """infrastructure A9: a pull request is reviewed during an outage, too."""
    lab = bring("uat")
    lab.fault({"kind": "status", "path": "^/client/v4/", "status": 503, "count": None})
    journal = lab.deployment("uat", {"services.api.memory_mb": 256}).preview()
    assert [step.name for step in journal.steps if step.op == "update"] == ["api"]
    assert any("going on with what the state says" in line for line in lab.output)


def test_a_provider_that_is_being_maintained_is_no_reason_to_doubt_the_token(bring: Bring) -> None:
    """infrastructure B7: Hetzner answers 403 then, as to a bad token."""
    lab = bring("uat", up=False)
    lab.fault({"kind": "status", "path": "^/v1/ssh_keys/0$", "status": 403, "code": "maintenance"})
    lab.deployment("uat").preview()
    assert lab.cloud.faults.list() == [], "it has struck"


def test_the_look_costs_few_requests_and_little_time(bring: Bring) -> None:
    """infrastructure A9, B3, B7: it precedes every run."""
    lab = bring("uat")
    lab.cloud.audit.clear()
    lab.deployment("uat").open().preview()  # reads nothing else
    asked = [request["p"].partition("?")[0] for request in lab.requests()]
    assert len(asked) <= 10, asked


def test_the_zone_s_other_id_is_the_same_zone_after_all(bring: Bring) -> None:
    """infrastructure B3: what is compared is the name that the id has at Cloudflare."""
    lab = bring("uat", up=False)
    lab.deployment("uat", {"domain.zone_id": NEW_ZONE_ID}).preview()
