"""Entry point of the Lambda: `handler(event, context)` for REST proxy events."""

import gc
import os

# A cold start makes objects and hardly any garbage: looking for it takes a tenth of the time.
gc.disable()
# Pydantic would read the metadata of every installed distribution in search of plugins.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from validator.bootstrap import bootstrap  # noqa: E402 - after what makes the imports quick

handler = bootstrap(os.environ)

# What is here now stays for good, so later collections need not look at it.
gc.freeze()
gc.enable()
