import pytest

from darkroom_cli.workspace.changelog import has_section, noted, released, unreleased

HEAD = "# Changelog\n\nThe format is known.\n\n"
OLD = "## [0.1.0] - 2026-01-01\n\n### Added\n\n- Begun.\n"
NEW = "## [Unreleased]\n\n### Added\n\n- A thing.\n\n"


def test_what_was_unreleased_gets_version_and_date_and_an_empty_section_above() -> None:
    assert released(f"{HEAD}{NEW}{OLD}", "0.2.0", "2026-02-03") == (
        f"{HEAD}## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n\n- A thing.\n\n{OLD}"
    )


def test_the_first_release_of_all_ends_in_one_line() -> None:
    assert released(f"{HEAD}{NEW}", "0.1.0", "2026-02-03").endswith("- A thing.\n")


@pytest.mark.parametrize(
    "section", ["", "## [Unreleased]\n\n", "## [Unreleased]\n\n### Added\n\n### Fixed\n\n"]
)
def test_headings_alone_say_nothing(section: str) -> None:
    assert unreleased(f"{HEAD}{section}{OLD}") == ""


def test_what_is_unreleased_ends_before_the_next_version() -> None:
    assert unreleased(f"{HEAD}{NEW}{OLD}") == "### Added\n\n- A thing."


def test_a_section_is_known_by_the_whole_version() -> None:
    assert has_section(OLD, "0.1.0")
    assert not has_section(OLD, "0.1")
    assert not has_section(OLD.replace("0.1.0", "0x1.0"), "0.1.0")


@pytest.mark.parametrize("text", [f"{HEAD}{OLD}", f"{HEAD}## [Unreleased]\n\n{OLD}"])
def test_a_line_makes_the_section_that_it_needs(text: str) -> None:
    assert noted(text, "- More.") == f"{HEAD}## [Unreleased]\n\n### Changed\n\n- More.\n\n{OLD}"


def test_a_line_joins_what_is_there() -> None:
    text = f"{HEAD}## [Unreleased]\n\n### Changed\n\n- First.\n\n### Fixed\n\n- Third.\n\n{OLD}"
    assert noted(text, "- Second.") == (
        f"{HEAD}## [Unreleased]\n\n### Changed\n\n- First.\n- Second.\n\n### Fixed\n\n- Third.\n\n{OLD}"
    )


def test_a_line_comes_after_what_was_added() -> None:
    assert unreleased(noted(f"{HEAD}{NEW}{OLD}", "- More.")) == (
        "### Added\n\n- A thing.\n\n### Changed\n\n- More."
    )
