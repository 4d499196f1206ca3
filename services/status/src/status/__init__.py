"""The Lambda that tells what became of tasks, lists them and cancels them (DESIGN 4.1)."""
