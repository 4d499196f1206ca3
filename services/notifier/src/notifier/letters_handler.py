"""Entry point of the Lambdas that read letters: `handler(event, context)` for events of SQS."""

import os

# Pydantic would read the metadata of every installed distribution in search of plugins.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from notifier.bootstrap import letters

handler = letters(os.environ)
