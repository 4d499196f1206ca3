"""Tests can import the package `console`, although their own folder has that name too.

pytest names test modules by their folders and on the way makes a module `console` of that folder, which
would hide the package. The package takes its place here, before any test is read.
"""

import importlib
import sys

if getattr(sys.modules.get("console"), "__file__", None) is None:
    sys.modules.pop("console", None)
    importlib.import_module("console")
