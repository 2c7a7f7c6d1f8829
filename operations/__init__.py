"""Operates a stack: preview, deploy, drift, destroy, and what must happen when one of them was interrupted.

The rehearsal and real deployments share this package; it knows nothing of either but an environment
(tokens, endpoints, state backend) and a project folder.
"""
