"""Which failures are tried again, in the words that providers use."""

import pytest

from operations.failures import Verdict, hint, verdict
from operations.journal import Failure

URN = "urn:pulumi:uat::jira-plus-plus::jira-plus-plus:host:Host${type}::{name}"


def failure(message: str, type_: str = "hcloud:index/server:Server", name: str = "server") -> Failure:
    return Failure(URN.replace("{type}", type_).replace("{name}", name), message)


@pytest.mark.parametrize(
    "message",
    [
        "error during placement (resource_unavailable, 3ee4b1c2)",
        "1 error occurred:\n\t* server type cx23 is currently unavailable in fsn1 (resource_unavailable)",
        "unable to place server (placement_error)",
    ],
)
def test_a_sold_out_server_type_asks_for_the_next_one(message: str) -> None:
    assert verdict([failure(message)]) is Verdict.SOLD_OUT
    volume = failure(message, "hcloud:index/volume:Volume", "volume")
    assert verdict([volume]) is Verdict.FINAL, "another server type would not make room for a volume"


@pytest.mark.parametrize(
    "message",
    [
        "limit of 3600 requests per hour reached (rate_limit_exceeded)",
        'error: 429 Too Many Requests {"errors":[{"code":971}]}',
        "hcloud: server responded with status code 503",
        "1 error occurred:\n\t* injected: unavailable (unavailable, 3e4f2f69f38067a0)",
        "Post http://…/v1/servers: EOF",
        "read tcp 127.0.0.1:1->127.0.0.1:2: read: connection reset by peer",
        "action create_server failed: something went wrong (action_failed)",
        "server is locked (locked, 1f2e)",
        "context deadline exceeded",
    ],
)
def test_what_may_pass_is_tried_again(message: str) -> None:
    assert verdict([failure(message)]) is Verdict.TRANSIENT


@pytest.mark.parametrize(
    "message",
    [
        "server type cx9 not found (not_found)",
        "invalid input in field 'name' (invalid_input)",
        "unable to authenticate (unauthorized)",
        "server name is already used (uniqueness_error)",
        "delete protection is enabled (protected)",
    ],
)
def test_what_would_fail_again_is_not(message: str) -> None:
    assert verdict([failure(message)]) is Verdict.FINAL


def test_one_final_error_among_passing_ones_ends_it() -> None:
    passing, final = failure("503 service unavailable"), failure("not_found", name="volume")
    assert verdict([passing, final]) is Verdict.FINAL, "the next try would meet the final one again"


def test_a_container_that_stays_unhealthy_is_not_tried_again_though_it_timed_out() -> None:
    unhealthy = failure("timeout while waiting for health", "docker:index/container:Container", "api")
    assert verdict([unhealthy]) is Verdict.FINAL


def test_an_error_of_the_program_is_final_whatever_its_words() -> None:
    program = Failure("urn:pulumi:uat::p::pulumi:pulumi:Stack::p-uat", "timeout_seconds: must be at least 10")
    assert verdict([program]) is Verdict.FINAL


def test_the_engines_closing_words_do_not_count() -> None:
    assert verdict([failure("503 service unavailable"), Failure("", "update failed")]) is Verdict.TRANSIENT


def test_no_known_cause_is_final() -> None:
    assert verdict([]) is Verdict.FINAL


@pytest.mark.parametrize(
    "message",
    [
        "kex_exchange_identification: read: Connection reset by peer",
        "ssh: connect to host 198.51.100.7: Connection reset by peer",
        "after 40 failed attempts: ssh: handshake failed: EOF",
        "banner exchange: Connection to 198.51.100.7 port 22: Not allowed at this time",
    ],
)
def test_a_server_that_takes_a_deploy_for_an_attack_is_told_with_the_limits_to_look_at(message: str) -> None:
    """infrastructure C5 (savchenko/debian#18): the words of ssh do not say that it is a limit."""
    told = hint([Failure("", message)])
    assert told is not None
    for name in ("fail2ban", "ufw", "PerSourcePenalties"):
        assert name in told


@pytest.mark.parametrize(
    "message",
    [
        "after 40 failed attempts: dial tcp 198.51.100.7:22: i/o timeout",
        "error during connect: stderr=ssh: connect to host 198.51.100.7 port 22: Connection timed out",
    ],
)
def test_a_server_that_does_not_answer_to_ssh_is_told_with_the_setting(message: str) -> None:
    """infrastructure A7: six minutes of dialling ended in the bare words of the dial."""
    told = hint([Failure("", message)])
    assert told is not None
    assert "host.ssh.allowed_networks" in told
    assert "host.ssh.allow_own_address" in told
    assert hint([Failure("", "no such image")]) is None


def test_of_a_container_that_does_not_become_healthy_it_is_said_where_its_check_s_words_are() -> None:
    urn = "urn:pulumi:uat::jira-plus-plus::docker:index/container:Container::"
    message = "1 error occurred: * container failed to be in healthy state"
    told = hint([Failure(f"{urn}api", message)])
    assert told is not None
    assert "what the check of api got: docker inspect" in told
