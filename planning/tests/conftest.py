"""Tests can import the package `planning`, although their own folder has that name too.

pytest names test modules by their folders and on the way makes a module `planning` of that folder, which
would hide the package. The package takes its place here, before any test is read.
"""

import importlib
import sys

if getattr(sys.modules.get("planning"), "__file__", None) is None:
    sys.modules.pop("planning", None)
    importlib.import_module("planning")
