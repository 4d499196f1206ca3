"""Entry point of the Lambda that posts webhooks: `handler(event, context)` for events of SQS."""

import os

# Pydantic would read the metadata of every installed distribution in search of plugins.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from notifier.webhook_bootstrap import webhooks

handler = webhooks(os.environ)
