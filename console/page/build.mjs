// Bundles the page: `node build.mjs [FOLDER]`. The same sources give the same bytes.
import { copyFile, mkdir } from "node:fs/promises";
import { build } from "esbuild";

const folder = process.argv[2] ?? "built";

await mkdir(folder, { recursive: true });
await build({
  entryPoints: { app: "src/main.tsx" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2023"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  outdir: folder,
});
for (const name of ["index.html", "icon.svg"]) {
  await copyFile(`src/${name}`, `${folder}/${name}`);
}
