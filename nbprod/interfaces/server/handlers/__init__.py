"""Handlers: who asks, for what; everything they do is in `calls`."""
