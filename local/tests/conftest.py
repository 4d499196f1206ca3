"""Lets tests import the package `local`, although their own folder has that name too.

pytest names test modules by their folders (`local.tests.unit.test_home`) and on the way makes a module
`local` of the folder, which would hide the package. Its place is taken here, before any test module is read.
"""

import importlib
import sys

if getattr(sys.modules.get("local"), "__file__", None) is None:
    sys.modules.pop("local", None)
    importlib.import_module("local")
