"""A model checker of the tasks table: every interleaving of its writers, with the real state machine."""
