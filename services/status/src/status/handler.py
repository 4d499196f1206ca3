"""Entry point of the Lambda: `handler(event, context)` for REST proxy events."""

import gc
import os

# As in the validator: a cold start makes objects and hardly any garbage.
gc.disable()
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from status.bootstrap import bootstrap  # noqa: E402 - after what makes the imports quick

handler = bootstrap(os.environ)

gc.freeze()
gc.enable()
