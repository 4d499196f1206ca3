// Bundles every `*.test.ts` and runs them: `node test.mjs [PART OF A NAME]`.
import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const folder = "built/tests";
const part = process.argv[2] ?? "";
const names = (await readdir("src", { recursive: true })).filter((name) => name.endsWith(".test.ts")).sort();
const wanted = names.filter((name) => name.includes(part));

await rm(folder, { recursive: true, force: true });
await build({
  entryPoints: wanted.map((name) => join("src", name)),
  bundle: true,
  platform: "node",
  format: "esm",
  target: ["node20"],
  jsx: "automatic",
  jsxImportSource: "preact",
  outdir: folder,
  outbase: "src",
  outExtension: { ".js": ".mjs" },
});
const files = wanted.map((name) => join(folder, name.replace(/\.ts$/, ".mjs")));
const ended = files.length === 0 ? { status: 1 } : spawnSync("node", ["--test", ...files], { stdio: "inherit" });
process.exit(ended.status ?? 1);
