import types

import task_schema


def test_all_names_exactly_what_is_public() -> None:
    public = {
        name
        for name, value in vars(task_schema).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert set(task_schema.__all__) == public
    assert sorted(set(task_schema.__all__)) == sorted(task_schema.__all__)
