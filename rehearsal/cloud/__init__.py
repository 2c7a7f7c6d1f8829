"""The embedded cloud: as much of the Hetzner Cloud API and of the Cloudflare API as a deployment asks for.

`python -m rehearsal.cloud --state FOLDER --token TOKEN` serves both on loopback: Hetzner under `/v1`,
Cloudflare under `/cf` (and `/client/v4`), its own controls under `/_rehearsal`. Official clients and provider
plugins run against it unchanged.

From the ground up, each above all that it imports:

    store.py audit.py          what is kept: objects and actions, and a log of requests without secrets
    faults.py ratelimit.py     what goes wrong, on purpose or by asking too much
    backend.py cloud.py        what actions work on, and all that handlers work on
    messages.py router.py      requests and answers, and which handler gives which
    hetzner/ cloudflare/       one file per noun of each API
    control.py                 /_rehearsal: faults, what is alive, what was asked, shutdown
    server.py                  HTTP: token, faults, rate limit
"""
