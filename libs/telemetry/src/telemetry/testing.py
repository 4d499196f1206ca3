"""For tests: what spans a process has made."""

from collections.abc import Iterator

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

_exporter = InMemorySpanExporter()
_provider: TracerProvider | None = None


class Recorded:
    """The spans that have ended since the last `record`."""

    def __iter__(self) -> Iterator[ReadableSpan]:
        return iter(_exporter.get_finished_spans())

    def names(self) -> list[str]:
        """Return their names, in the order of their ends."""
        return [span.name for span in self]

    def one(self, name: str) -> ReadableSpan:
        """Return the only one of a name."""
        [span] = self.all(name)
        return span

    def all(self, name: str) -> list[ReadableSpan]:
        """Return those of a name."""
        return [span for span in self if span.name == name]

    def parent_of(self, span: ReadableSpan) -> str | None:
        """Return the name of a span's parent; None where it has none among these."""
        if span.parent is None:
            return None
        return next((each.name for each in self if each.context.span_id == span.parent.span_id), None)


def record() -> Recorded:
    """Record spans from now on. OpenTelemetry takes one provider for each process: it stays."""
    global _provider  # noqa: PLW0603 - as said
    if _provider is None:
        _provider = TracerProvider()
        _provider.add_span_processor(SimpleSpanProcessor(_exporter))
        trace.set_tracer_provider(_provider)
    _exporter.clear()
    return Recorded()
