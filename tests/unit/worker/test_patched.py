"""Tests of worker.patched."""

from __future__ import annotations

import types

import pytest

from nbprod.worker.patched import Watch


@pytest.fixture
def library():
    """A module with a class, a function and a setting, as a notebook imports them."""
    module = types.ModuleType("lib_of_tests")
    code = "class Frame:\n    limit = 3\n    def head(self): return 1\ndef load(): return 2\nsetting = 1\n_cache = {}"
    exec(code, vars(module))
    return module


def notebooks_own():
    """Return a function as a cell defines it."""
    namespace = {"__name__": "__main__"}
    exec("def own(self=None): return 5", namespace)
    return namespace["own"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lib: setattr(lib, "load", notebooks_own()), ["lib_of_tests.load"]),
        (lambda lib: setattr(lib, "setting", 2), ["lib_of_tests.setting"]),
        (lambda lib: delattr(lib, "setting"), ["lib_of_tests.setting"]),
        (lambda lib: setattr(lib.Frame, "twice", notebooks_own()), ["lib_of_tests.Frame.twice"]),
        (lambda lib: setattr(lib.Frame, "head", property(notebooks_own())), ["lib_of_tests.Frame.head"]),
    ],
)
def test_what_the_notebook_set_is_told(library, change, told):
    watch = Watch({"lib": library})
    assert watch.changed(()) == []
    change(library)
    assert watch.changed(()) == told
    assert watch.changed([f"somewhere.{told[0].rpartition('.')[2]}"]) == []


def test_what_a_library_fills_in_by_itself_is_not(library):
    watch = Watch({"lib": library})
    library._cache = {"a": 1}
    library.sub = types.ModuleType("lib_of_tests.sub")
    library.Frame._known = {1: 2}
    library.late = types.FunctionType((lambda: 1).__code__, vars(library))
    assert watch.changed(()) == []


def test_a_class_is_watched_by_its_instances(library):
    watch = Watch({"frame": library.Frame()})
    library.Frame.limit = 4
    assert watch.changed(()) == ["lib_of_tests.Frame.limit"]
