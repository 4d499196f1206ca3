/** What no terminal should be handed raw: control characters but line feed, those of C1, and what turns text around. */
const UNSAFE = /[^\P{C}\n]|[\u2028\u2029]/u;
const PLAIN = /^[A-Za-z0-9_./:@%+,=-]+$/;
const UNSAFE_ALL = new RegExp(UNSAFE.source, "gu");

/** Hexadecimal with leading zeros. */
function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

function unit(code: number): string {
  return `\\u${hex(code, 4)}`;
}

/**
 * A text as one word of a POSIX shell: it expands nothing and ends nowhere else. Control characters, which a terminal
 * would act upon while pasting, are written as escapes, which bash, zsh and ksh read.
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text) && !text.startsWith("=")) return text;
  if (!UNSAFE.test(text)) return `'${text.replaceAll("'", "'\\''")}'`;
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("'", "\\'")
    .replaceAll("\n", "\\n")
    .replace(UNSAFE_ALL, (character) => utf8(character));
  return `$'${escaped}'`;
}

/** The bytes of a character, each as three octal digits: what follows cannot be taken for a part of them. */
function utf8(character: string): string {
  return [...new TextEncoder().encode(character)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}

/** JSON of ASCII controls only as escapes, on several lines; the same value when it is read. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE_ALL, (character) =>
    [...Array(character.length).keys()].map((at) => unit(character.charCodeAt(at))).join(""),
  );
}

/** A value as Python writes it; `indent` is that of the line it begins in. */
export function pythonLiteral(value: unknown, indent = ""): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object" || isRaw(value)) return printableJson(value);
  const deeper = `${indent}    `;
  if (Array.isArray(value)) {
    const items = value.map((item) => pythonLiteral(item, deeper));
    const line = `[${items.join(", ")}]`;
    if (line.length < 60 && !line.includes("\n")) return line;
    return `[\n${items.map((item) => `${deeper}${item},\n`).join("")}${indent}]`;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, item]) => `${deeper}${printableJson(key)}: ${pythonLiteral(item, deeper)},\n`);
  return `{\n${lines.join("")}${indent}}`;
}

/** A number that is written as it was read, see `json.ts`. */
function isRaw(value: object): boolean {
  const { isRawJSON } = JSON as unknown as { isRawJSON?: (value: unknown) => boolean };
  return isRawJSON?.(value) ?? false;
}
