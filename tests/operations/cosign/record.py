"""Records what a cosign puts beside an image in a registry, with a pair of keys that is thrown away.

    python -m tests.operations.cosign.record NAME COSIGN 127.0.0.1:<port of an empty registry> [OPTION …]

`NAME` is that of the files, `COSIGN` the program, and the options go to its `sign`; the bundle of cosign 3:
`--use-signing-config=false --new-bundle-format=true`. To build one:
`go build github.com/sigstore/cosign/v2/cmd/cosign` in a module that requires it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from tests.operations.test_signatures import INDEX, MANIFEST, RECORDED, Store

NAME = "recorded"


def record(name: str, cosign: str, host: str, *options: str) -> None:
    """Writes `<name>.json` and the public key `<name>.pub`."""
    reference = Store(host).image(NAME)
    environment = {**os.environ, "COSIGN_PASSWORD": ""}
    with tempfile.TemporaryDirectory() as folder:
        made = (cosign, "generate-key-pair")
        subprocess.run(made, cwd=folder, env=environment, check=True)
        # No transparency log is reached from here, and none is asked (operations/signatures.py).
        offline = ("--yes", "--tlog-upload=false", *options)
        sign = (cosign, "sign", *offline, "--key", "cosign.key", reference)
        subprocess.run(sign, cwd=folder, env=environment, check=True)
        (RECORDED / f"{name}.pub").write_bytes((Path(folder) / "cosign.pub").read_bytes())
    base = f"http://{host}/v2/jira/{NAME}"
    wanted = list(requests.get(f"{base}/tags/list", timeout=10).json()["tags"])
    manifests: dict[str, dict[str, str]] = {}
    blobs: dict[str, str] = {}
    while wanted:
        at = wanted.pop(0)
        answer = requests.get(
            f"{base}/manifests/{at}", headers={"Accept": f"{MANIFEST}, {INDEX}"}, timeout=10
        )
        content = answer.json()
        manifests[at] = {
            "type": answer.headers["Content-Type"],
            "content": base64.b64encode(answer.content).decode(),
        }
        wanted += [entry["digest"] for entry in content.get("manifests", ())]
        for part in (*content.get("layers", ()), *([content["config"]] if "config" in content else ())):
            blob = requests.get(f"{base}/blobs/{part['digest']}", timeout=10).content
            blobs[part["digest"]] = base64.b64encode(blob).decode()
    # What an index names has to be there before it.
    document = {
        "digest": reference.partition("@")[2],
        "manifests": dict(reversed(manifests.items())),
        "blobs": list(blobs.values()),
    }
    (RECORDED / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    record(*sys.argv[1:])
