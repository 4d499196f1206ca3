class ModelError(Exception):
    """Base of what this package raises."""


class BrokenPromiseError(ModelError):
    """A step of the model breaks a promise of DESIGN 4.2."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(f"{promise} ({detail})")
        self.promise = promise
