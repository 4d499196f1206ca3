import type { ComponentChildren } from "preact";
import type { Span } from "../types";
import { durationText } from "./durations";
import { valueText } from "./parameters";

function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Attributes({ of }: { of: Record<string, unknown> }) {
  return (
    <>
      {Object.entries(of).map(([name, value]) => (
        <Pair key={name} name={name}>
          {valueText(value)}
        </Pair>
      ))}
    </>
  );
}

/** All that is known of a span. */
export function SpanDetails({ span }: { span: Span }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that the keyboard has to reach it.
    <section class="details" aria-label="The span" aria-live="polite" tabIndex={0}>
      <h3>{span.name}</h3>
      <p class="soft">
        {span.service} · {span.kind}
        {span.gpu && " · GPU"}
      </p>
      <dl>
        {span.error && (
          <Pair name="error">
            <span class="bad">{span.message || "yes"}</span>
          </Pair>
        )}
        <Pair name="begins at">{durationText(span.offset_ms)}</Pair>
        <Pair name="takes">{durationText(span.ms)}</Pair>
        <Pair name="on the critical path">{span.self_ms > 0 ? durationText(span.self_ms) : "no"}</Pair>
        <Attributes of={span.attributes} />
        <Pair name="span id">{span.span_id}</Pair>
      </dl>
      {span.events.map((event) => (
        <div key={`${event.name} ${event.offset_ms}`}>
          <h4>
            {event.name} <span class="soft">at {durationText(event.offset_ms)}</span>
          </h4>
          <dl>
            <Attributes of={event.attributes} />
          </dl>
        </div>
      ))}
    </section>
  );
}
