"""The embedded cloud: as much of the Hetzner Cloud API and of the Cloudflare API as a deployment asks for.

`python -m rehearsal.cloud --state FOLDER --token TOKEN` serves both on loopback: Hetzner under `/v1`,
Cloudflare under `/cf` (and `/client/v4`), its own controls under `/_rehearsal`. Official clients and provider
plugins run against it unchanged.

    store.py audit.py          what is kept: objects and actions, and a log of requests without secrets
    server.py router.py        HTTP: token, faults, rate limit, routes
    faults.py ratelimit.py     what goes wrong, on purpose or by asking too much
    control.py                 /_rehearsal: faults, what is alive, what was asked, shutdown
    hetzner/ cloudflare/       one file per noun of each API
"""
