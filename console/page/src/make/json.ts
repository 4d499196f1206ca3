export type Json = Record<string, unknown>;

/** What browsers have, and the language's types do not know yet. */
interface ExactJson {
  rawJSON?: (text: string) => unknown;
  parse: (text: string, revive: (key: string, value: unknown, context?: { source?: string }) => unknown) => unknown;
}

/**
 * Reads JSON and keeps integers that JavaScript cannot count to, as ComfyUI's seeds of 64 bits: they are written again
 * as they were read. A browser that is too old for that rounds them.
 *
 * @throws {SyntaxError}
 */
export function parseExactly(text: string): unknown {
  const { rawJSON, parse } = JSON as unknown as ExactJson;
  return parse(text, (_key, value, context) => {
    const source = context?.source;
    const large = typeof value === "number" && !Number.isSafeInteger(value) && source && /^-?\d+$/.test(source);
    return large && rawJSON ? rawJSON(source) : value;
  });
}

/**
 * An integer as it is sent: exactly, also where it is beyond what JavaScript counts to. Null where the browser is too
 * old for that.
 */
export function written(value: bigint): unknown {
  const { rawJSON } = JSON as unknown as ExactJson;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : (rawJSON?.(String(value)) ?? null);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
