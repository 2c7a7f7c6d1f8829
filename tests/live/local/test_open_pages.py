"""Pages that were opened before a release: they are still served what only their build has.

In the order of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import docker
import httpx
import pytest
import yaml

from operations import stack_file
from tests.live.local.conftest import WITHOUT_A_PAGE
from tests.live.local.stack import Stack, standing
from tests.live.local.watch import Watch

pytestmark = [pytest.mark.engine, pytest.mark.live, pytest.mark.timeout(600)]

SCRIPT = re.compile(r'src="(/assets/[^"]+\.js)"')
STEPS = """
USER root
RUN node -e 'const fs = require("fs"); process.chdir("/app/dist/public"); \\
  const old = fs.readdirSync("assets").find((name) => name.endsWith(".js")); \\
  fs.renameSync(`assets/${old}`, "assets/index-NAME.js"); \\
  const page = fs.readFileSync("index.html", "utf8").replace(old, "index-NAME.js"); \\
  fs.writeFileSync("index.html", page);'
USER node
"""


@pytest.fixture(scope="module")
def stack(client: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with standing(client, tmp_path_factory.mktemp("pages"), {}) as found:
        yield found


def build(stack: Stack, name: str) -> str:
    """Another build of the web application, which has no script but the one of this name."""
    return stack.built("web", STEPS.replace("NAME", name))


def script(stack: Stack) -> str:
    """The path of the script that the page of now asks for."""
    found = SCRIPT.search(get(stack, "/").text)
    assert found
    return found[1]


def get(stack: Stack, path: str) -> httpx.Response:
    target = stack.developer.target()
    with target.http() as client:
        return client.get(f"{target.url('web')}{path}")


def served(stack: Stack, path: str) -> bool:
    """Whether it is a script; a page is none."""
    answer = get(stack, path)
    assert answer.status_code in (200, 404)
    return answer.status_code == 200 and answer.headers["content-type"].startswith("text/javascript")


def test_one_that_is_open_has_its_script_after_a_release(stack: Stack) -> None:
    first = script(stack)
    assert served(stack, first)
    assert not stack.kept(), "there was no build before"
    with Watch(stack.developer.target(), ("web", first)) as watch:
        stack.release(web=build(stack, "second"))
    assert watch.lost == []
    assert watch.asked > 50
    assert script(stack) == "/assets/index-second.js"
    assert served(stack, "/assets/index-second.js")
    assert served(stack, first), "its own image has it no more"
    assert get(stack, "/assets/index-none.js").status_code == 404
    assert not stack.deployment.preview().changes, "a second up has nothing to do"


def test_the_release_after_it_takes_the_place_of_the_one_before(stack: Stack) -> None:
    kept = stack.kept()
    with Watch(stack.developer.target(), ("web", "/assets/index-second.js")) as watch:
        stack.release(web=build(stack, "third"))
    assert watch.lost == []
    assert script(stack) == "/assets/index-third.js"
    assert served(stack, "/assets/index-second.js")
    assert kept not in stack.running(), "one build is kept"
    assert len(stack.all("web")) == 2


def test_a_release_without_another_build_keeps_what_is_kept(stack: Stack) -> None:
    kept, third = stack.kept(), stack.developer.containers()["web"].name
    stack.release(**{**stack_file.images(stack.file), "api": stack.image("api", {})})
    assert stack.kept() == kept
    text = stack.file.read_text()
    values = yaml.safe_load(text)
    values["config"]["jira-plus-plus:services"]["web"]["drain_seconds"] = 1
    stack.file.write_text(yaml.safe_dump(values, sort_keys=False))
    stack.deployment.up()
    assert stack.developer.containers()["web"].name != third
    assert stack.kept() == kept, "the new container is of the same build as the one before it"
    assert len(stack.all("web")) == 2
    assert served(stack, "/assets/index-second.js")


def test_a_release_that_fails_changes_nothing(stack: Stack) -> None:
    kept = stack.kept()
    broken = stack.image("web", {"/app/dist/web.js": WITHOUT_A_PAGE})
    with Watch(stack.developer.target(), ("web", "/assets/index-second.js")) as watch:
        stack.fails(**{**stack_file.images(stack.file), "web": broken})
    assert watch.lost == []
    assert stack.kept() == kept
    assert script(stack) == "/assets/index-third.js"


def test_the_way_back_has_the_assets_of_what_it_goes_back_from(stack: Stack) -> None:
    with Watch(stack.developer.target(), ("web", "/assets/index-third.js")) as watch:
        stack.release()
    assert watch.lost == []
    assert served(stack, script(stack))
    assert served(stack, "/assets/index-third.js")
    assert len(stack.all("web")) == 2, "what failed is gone as well"
