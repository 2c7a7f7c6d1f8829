"""The embedded cloud: as much of the Hetzner Cloud API and of the Cloudflare API as a deployment asks for.

`python -m rehearsal.cloud --state FOLDER --token TOKEN` serves both on loopback: Hetzner under `/v1`,
Cloudflare under `/cf` (and `/client/v4`), its own controls under `/_rehearsal`. Official clients and provider
plugins run against it unchanged.

From the ground up, each above all that it imports:

    store.py audit.py          what is kept: objects and actions, and a log of requests without secrets
    seeds.py authority.py      what is kept apart: user_data until it is used, a CA's key
    faults.py ratelimit.py     what goes wrong, on purpose or by asking too much
    messages.py                requests and answers
    backend.py actions.py      what takes time, and what it works on
    cloud.py router.py         all that handlers work on, and which handler answers what
    hetzner/ cloudflare/       one file per noun of each API
    control.py                 /_rehearsal: faults, what is alive, what was asked, shutdown
    server.py                  HTTP: token, faults, rate limit
"""
