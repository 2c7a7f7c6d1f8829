"""The pull request's comment, against a server that speaks GitHub's comment API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from operations.comment import LONGEST, MARKER, main


class GitHub(ThreadingHTTPServer):
    """The comments of one pull request, in pages of 100 as GitHub's."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, object]] = []
        self.refuse = 0


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_GET(self) -> None:
        page = int(parse_qs(urlsplit(self.path).query)["page"][0])
        self.answer(200, self.server.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        self.write(
            lambda text: self.server.comments.append({"id": len(self.server.comments), "body": text}), -1
        )

    def do_PATCH(self) -> None:
        number = int(self.path.rsplit("/", 1)[1])
        self.write(lambda text: self.server.comments[number].update(body=text), number)

    def write(self, change, number: int) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if self.server.refuse or len(text) > LONGEST:
            return self.answer(self.server.refuse or 422, {})
        change(text)
        return self.answer(200, {"html_url": f"http://github.test/c/{self.server.comments[number]['id']}"})

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    with GitHub() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("GITHUB_REPOSITORY", "acme/jira")
        monkeypatch.setenv("GITHUB_TOKEN", "token")
        yield server
        server.shutdown()


@pytest.fixture
def preview(tmp_path: Path) -> Path:
    path = tmp_path / "preview.md"
    path.write_text("### uat\n1 to create")
    return path


def test_the_first_run_creates_the_comment_and_the_next_edits_it(github: GitHub, preview: Path) -> None:
    github.comments = [{"id": number, "body": "somebody's words"} for number in range(150)]
    assert main(["--pull-request", "7", str(preview)]) == 0
    preview.write_text("### uat\nno changes")
    assert main(["--pull-request", "7", str(preview)]) == 0
    ours = [c["body"] for c in github.comments if str(c["body"]).startswith(MARKER)]
    assert ours == [f"{MARKER}\n### uat\nno changes"], (
        "one comment, edited in place, also past the first page"
    )
    assert len(github.comments) == 151, "nobody else's comment is touched"


def test_several_files_are_one_comment(github: GitHub, preview: Path, tmp_path: Path) -> None:
    (other := tmp_path / "prod.md").write_text("### prod")
    main(["--pull-request", "7", str(preview), str(other)])
    assert github.comments[0]["body"] == f"{MARKER}\n### uat\n1 to create\n\n### prod"


def test_a_text_that_is_too_long_is_cut_and_says_so(github: GitHub, preview: Path) -> None:
    preview.write_text("x" * 100_000)
    assert main(["--pull-request", "7", str(preview)]) == 0
    body = str(github.comments[0]["body"])
    assert len(body) == LONGEST
    assert body.endswith("the whole text is in the run's artifacts.")


def test_a_refusal_names_the_permission(
    github: GitHub, preview: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    github.refuse = 403
    assert main(["--pull-request", "7", str(preview)]) == 1
    assert "the token needs `pull-requests: write`" in capsys.readouterr().err


def test_a_missing_file_is_named_before_anything_is_asked(
    github: GitHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--pull-request", "7", str(tmp_path / "none.md")]) == 2
    assert "none.md" in capsys.readouterr().err
    assert github.comments == []
