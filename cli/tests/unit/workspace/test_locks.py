from darkroom_cli.workspace.locks import changed_packages, holders
from darkroom_cli.workspace.tools import Target

OLD = """\
a==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via -r 3rdparty/in/default.in
b==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:bb
    # via a
c==3.0 \\
    --hash=sha256:cc
    # via
    #   -r 3rdparty/in/default.in
    #   b
"""


def test_the_same_lock_changes_nothing() -> None:
    assert changed_packages(OLD, OLD) == set()


def test_a_change_goes_up_to_all_who_brought_the_package() -> None:
    assert changed_packages(OLD, OLD.replace("c==3.0", "c==3.1")) == {"a", "b", "c"}


def test_another_hash_or_condition_is_a_change_too() -> None:
    assert changed_packages(OLD, OLD.replace("sha256:ab", "sha256:ff")) == {"a"}
    assert changed_packages(OLD, OLD.replace("win32", "darwin")) == {"a", "b"}


def test_comments_alone_are_none() -> None:
    assert changed_packages(OLD, OLD.replace("    #   b\n", "")) == set()


def test_what_comes_and_goes_counts() -> None:
    without = OLD[: OLD.index("c==")]
    assert changed_packages(OLD, without) == changed_packages(without, OLD) == {"a", "b", "c"}


def test_each_lock_has_its_own_copy_of_a_package() -> None:
    targets = [
        Target("3rdparty:a@resolve=default", "python_requirement"),
        Target("3rdparty:a@resolve=infra", "python_requirement"),
        Target("cli:bin", "pex_binary", ("3rdparty:a@resolve=default",)),
        Target("infra:app", "pex_binary", ("3rdparty:a@resolve=infra",)),
    ]
    assert holders(targets, "infra", {"a"}, ("pex_binary",)) == {"infra:app"}


def test_targets_that_depend_on_each_other_end_the_search() -> None:
    targets = [
        Target("3rdparty:a", "python_requirement"),
        Target("one.py", "python_source", ("two.py",)),
        Target("two.py", "python_source", ("one.py", "3rdparty:a", "gone.py")),
        Target("cli:bin", "pex_binary", ("one.py",)),
    ]
    assert holders(targets, "default", {"a"}, ("pex_binary",)) == {"cli:bin"}
