"""Entry point of the sweeper's Lambda: `handler(event, context)` for ticks of a schedule."""

import os

# Pydantic would read the metadata of every installed distribution in search of plugins.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from notifier.bootstrap import sweeper

handler = sweeper(os.environ)
