// The little of Node that the tests use, so that its types need no package.
declare module "node:test" {
  export function test(name: string, run: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  const assert: {
    equal(actual: unknown, expected: unknown, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    ok(value: unknown, message?: string): asserts value;
    match(value: string, pattern: RegExp, message?: string): void;
    doesNotMatch(value: string, pattern: RegExp, message?: string): void;
    throws(run: () => unknown, expected?: RegExp | object): void;
    rejects(run: Promise<unknown>, expected?: RegExp | object | ((error: unknown) => boolean)): Promise<void>;
  };
  export default assert;
}

declare module "node:child_process" {
  export function spawnSync(
    command: string,
    args: readonly string[],
    options: { encoding: "utf8"; env?: Record<string, string>; cwd?: string; input?: string },
  ): { status: number | null; stdout: string; stderr: string };
}
