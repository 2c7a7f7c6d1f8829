"""Which paths are published: a user's, and none of the operator's."""

from base64 import b64encode

import pytest

from tests.door.door import PASSWORD, Door

SPELLINGS = (
    "/{}",
    "/{}/",
    "//{}",
    "/{}?debug=1",
    "/./{}",
    "/graphql/../{}",
    "/%2e%2e/{}",
    "/{};v=1",
    "/{}/default",
    "/{}.json",
    "/%2F{}",
    "/%2f{}",
    "/%5C{}",
    "/{}%2F",
    "/{}%2f..",
    "/{}%00",
    "/{}%20",
)


@pytest.mark.parametrize("name", ["api", "web", "temporal", "metrics", "grafana"])
@pytest.mark.parametrize("path", ["metrics", "ready", "readyz"])
def test_a_path_of_the_operators_is_not_there_however_it_is_spelt(door: Door, name: str, path: str) -> None:
    """Report: runtime 18, the metrics and the reasons of a lost readiness were for the whole world."""
    encoded = f"%{ord(path[0]):02X}{path[1:]}", f"{path[:-1]}%{ord(path[-1]):02x}"
    words = (path, path.title(), path.upper(), *encoded)
    asked = [spelling.format(word) for spelling in SPELLINGS for word in words]
    assert door.statuses(name, asked) == dict.fromkeys(asked, 404)


def test_another_method_does_not_open_them(door: Door) -> None:
    """Report: runtime 18. A POST has a router of its own."""
    answers = [
        door.ask("api", "/metrics", method=method).status for method in ("POST", "PUT", "HEAD", "OPTIONS")
    ]
    assert answers == [404] * 4


@pytest.mark.parametrize("host", ["API.example.com", "api.example.com.", "api.example.com:443"])
def test_another_spelling_of_the_host_does_not_open_them(door: Door, host: str) -> None:
    """Report: runtime 18."""
    assert door.ask("api", "/metrics", headers={"Host": host}).status == 404
    assert door.ask("api", f"https://{host}/metrics").status == 404
    assert door.ask("api", "/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/graphql", "/health", "/healthz", "/metrics-of-a-team", "/issues/ready"]
)
def test_what_a_user_asks_for_is_served(door: Door, path: str) -> None:
    for name in ("api", "web"):
        assert door.ask(name, path).seen["path"] == path


LOGIN = {"Authorization": f"Basic {b64encode(f'admin:{PASSWORD}'.encode()).decode()}"}
WRITES_DELETES_OR_TELLS_HOW_IT_IS_RUN = (
    "/api/v1/import",
    "/api/v1/write",
    "/api/v1/admin/tsdb/delete_series?match[]=up",
    "/prometheus/api/v1/admin/tsdb/delete_series?match[]=up",
    "/api/v1/query/../admin/tsdb/delete_series?match[]=up",
    "/vmui/../snapshot/create",
    "/vmui/..%2fsnapshot/create",
    "//snapshot/create",
    "/snapshot/delete_all",
    "/internal/resetRollupResultCache",
    "/internal/force_flush",
    "/api/v1/export",
    "/federate?match[]=up",
    "/-/reload",
    "/vmalert/-/reload",
    "/prometheus/vmalert/flags",
    "/vmalert/api/v1/rules/../../../-/reload",
    "/config",
    "/flags",
    "/targets",
    "/debug/pprof/heap",
)


def test_of_the_metrics_is_to_be_had_what_their_interface_asks_and_with_a_password(door: Door) -> None:
    for path in (
        "/vmui/",
        "/prometheus/vmui/custom-dashboards",
        "/prometheus/api/v1/query?query=up",
        "/prometheus/api/v1/query_range?query=up",
        "/prometheus/api/v1/label/__name__/values",
        "/prometheus/api/v1/status/tsdb",
        "/prometheus/vmalert/api/v1/rules?state=firing",
    ):
        assert door.ask("metrics", path).status == 401, path
        seen = door.ask("metrics", path, headers=LOGIN).seen
        assert seen["path"] == path
        assert "Authorization" not in seen["headers"], "the store must not see it"


def test_nobody_writes_or_deletes_metrics_with_a_password_either(door: Door) -> None:
    for path in WRITES_DELETES_OR_TELLS_HOW_IT_IS_RUN:
        answers = [
            door.ask("metrics", path, headers=LOGIN, method=method).status for method in ("GET", "POST")
        ]
        assert answers == [404, 404], path


def test_of_the_logs_is_to_be_had_what_their_interface_asks_and_with_the_same_password(door: Door) -> None:
    for path in (
        "/select/vmui/",
        "/select/vmui/assets/index-1.js",
        "/select/logsql/query?query=*",
        "/select/logsql/stream_field_values",
        "/select/logsql/field_names",
        "/select/logsql/streams",
        "/select/buildinfo",
    ):
        assert door.ask("metrics", path).status == 401, path
        assert door.ask("metrics", path, headers=LOGIN).seen["path"] == path
    for path in (
        "/insert/jsonline",
        "/select/logsql/other",
        "/select/vmalert/api/v1/rules",
        "/internal/force_flush",
        "/internal/partition/detach",
        "/internal/select/query",
        "/delete/run_task",
    ):
        answers = [
            door.ask("metrics", path, headers=LOGIN, method=method).status for method in ("GET", "POST")
        ]
        assert answers == [404, 404], path


def test_grafana_is_to_be_had_with_a_password_and_is_told_it(door: Door) -> None:
    for path in ("/", "/login", "/api/health", "/api/search", "/public/build/app.js"):
        assert door.ask("grafana", path).status == 401, path
        seen = door.ask("grafana", path, headers=LOGIN).seen
        assert seen["path"] == path
        assert seen["headers"]["Authorization"] == LOGIN["Authorization"], "it asks for no other"
    wrong = {"Authorization": f"Basic {b64encode(b'admin:guessed').decode()}"}
    assert door.ask("grafana", "/api/search", headers=wrong).status == 401


def test_the_name_of_the_metrics_alone_leads_to_their_overview(door: Door) -> None:
    assert door.ask("metrics", "/").status == 401
    answer = door.ask("metrics", "/", headers=LOGIN)
    assert answer.status == 302
    assert answer.headers["Location"] == "https://metrics.example.com/vmui/#/dashboards"
