"""Lambdas that end what nobody else does: dead letters, unrouted messages, stuck tasks (DESIGN 2)."""
