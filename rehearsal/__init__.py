"""Rehearses a whole deployment without an account: embedded cloud, provider plugins, machines, runner."""
