"""The Markdown of a preview, as exact text."""

from operations.changes import markdown
from operations.journal import Failure, Journal, Step
from operations.marks import SIGNATURE, UNKNOWN

PREFIX = "urn:pulumi:uat::jira-plus-plus::"
CONTAINER = "docker:index/container:Container"
SERVER = "hcloud:index/server:Server"
SECRET = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def step(op: str, name: str, type_: str, **more: object) -> Step:
    values = {"old": {}, "new": {}, "changed": {}, **more}
    return Step(op=op, urn=f"{PREFIX}{type_}::{name}", type=type_, **values)  # type: ignore[arg-type]


def test_counts_rows_and_folded_values() -> None:
    journal = Journal(
        steps=[
            step("create", "web", CONTAINER, new={"name": "web-1a2b3c4", "image": UNKNOWN}),
            step(
                "update",
                "api",
                CONTAINER,
                old={"memory": 320},
                new={"memory": 384},
                changed={"memory": "update"},
            ),
            step(
                "replace",
                "server",
                SERVER,
                old={"userData": SECRET, "labels": {"a.b": "1"}},
                new={"userData": SECRET, "labels": {"a.b": "2"}},
                changed={"userData": "update-replace", 'labels["a.b"]': "update"},
            ),
            step("create-replacement", "server", SERVER),
            step("delete-replaced", "server", SERVER),
            step("delete", "old", CONTAINER, old={"name": "old"}),
            step("same", "key", "hcloud:index/sshKey:SshKey"),
            step("update", "jira-plus-plus-uat", "pulumi:pulumi:Stack"),
            step("create", "default_1_43_3", "pulumi:providers:hcloud"),
        ],
        counts={"same": 41},
    )
    assert markdown("uat", journal) == (
        "### Preview of `uat`\n"
        "\n"
        "**1 to create, 1 to change, 1 to replace, 1 to delete, 41 unchanged**\n"
        "\n"
        "| service | how it is replaced | gap | why |\n"
        "|---|---|---|---|\n"
        "| `api` | changed as it runs | none | memory limit 320 → 384 MB |\n"
        "| `old` | stops for good | from then on | not in the settings any more |\n"
        "| `web` | new |  |  |\n"
        "\n"
        "- **Data**: no migration runs\n"
        "- **No way back**: server is replaced: its root disk goes, with its logs and the dumps on it\n"
        "- **Server**: is made anew: nobody is served until all runs on the new one; 134 to 154 s in "
        "rehearsals, and at Hetzner images come over the network, too\n"
        "- **Memory**: 384 MB of limits\n"
        "\n"
        "| | resource | type | what changes |\n"
        "|---|---|---|---|\n"
        "| + | `web` | docker Container |  |\n"
        "| ~ | `api` | docker Container | `memory` |\n"
        '| ± | `server` | hcloud Server | `userData`, `labels["a.b"]` |\n'
        "| - | `old` | docker Container |  |\n"
        "\n"
        "<details><summary>Values</summary>\n"
        "\n"
        "```diff\n"
        "+ docker Container web (to create)\n"
        "+   image: known after the change\n"
        '+   name: "web-1a2b3c4"\n'
        "! docker Container api (to change)\n"
        "-   memory: 320\n"
        "+   memory: 384\n"
        "! hcloud Server server (to replace)\n"
        "-   userData: [secret]\n"
        "+   userData: [secret] (forces the replacement)\n"
        '-   labels["a.b"]: "1"\n'
        '+   labels["a.b"]: "2"\n'
        "- docker Container old (to delete)\n"
        "```\n"
        "\n"
        "</details>\n"
    )


def test_nothing_to_change_is_one_line() -> None:
    assert markdown("prod", Journal(counts={"same": 7}), "Drift of `prod`") == (
        "### Drift of `prod`\n\n**7 unchanged**\n"
    )


def test_a_failed_preview_shows_its_errors_and_warnings_once() -> None:
    journal = Journal(
        errors=[
            Failure(f"{PREFIX}{SERVER}::server", "two\nlines | and a bar"),
            Failure("", "preview failed"),
        ],
        warnings=["cx23 is often sold out", "cx23 is often sold out"],
    )
    shown = markdown("uat", journal)
    assert "> ❌ `server`: two lines \\| and a bar\n" in shown, "a bar or a line break would end the row"
    assert "> ❌ preview failed\n" in shown
    assert shown.count("cx23 is often sold out") == 1


def test_a_value_cannot_leave_its_code_block() -> None:
    shown = markdown("uat", Journal(steps=[step("create", "x", CONTAINER, new={"command": "a\n```\nb"})]))
    assert shown.count("```") == 2, "only the block's own fences"


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    shown = markdown("uat", Journal(steps=[step("create", "x", CONTAINER, new={"command": "a" * 500})]))
    assert "… (502 characters)" in shown


def test_what_goes_from_a_set_is_shown_as_gone_and_nothing_else() -> None:
    def rule(port: str) -> dict[str, object]:
        return {"__defaults": [], "port": port, "sources": [{"__defaults": [], "any": True}]}

    changed = step(
        "update",
        "firewall",
        "hcloud:index/firewall:Firewall",
        old={"rules": [rule("22"), rule("443")]},
        new={"rules": [rule("80"), rule("443")]},
        outputs={"rules": [rule("443"), rule("22")]},
        changed={"rules[0]": "add", "rules[1]": "delete"},
        in_outputs=frozenset({"rules[0]", "rules[1]"}),
    )
    made = step(
        "create", "second", "hcloud:index/firewall:Firewall", new={"__defaults": [], "rules": [rule("80")]}
    )
    shown = markdown("uat", Journal(steps=[changed, made]))
    assert [line for line in shown.splitlines() if line.startswith(("-  ", "+  "))] == [
        '+   rules[0]: {"port": "80", "sources": [{"any": true}]}',
        '-   rules[1]: {"port": "22", "sources": [{"any": true}]}',
        '+   rules: [{"port": "80", "sources": [{"any": true}]}]',
    ]


def test_a_note_stands_above_the_changes() -> None:
    assert markdown("uat", Journal(counts={"same": 7}), note="HEAD does\nnot come up") == (
        "### Preview of `uat`\n\n> ❌ HEAD does not come up\n\n**7 unchanged**\n"
    )
