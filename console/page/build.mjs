// Bundles the page: `node build.mjs [FOLDER]`. The same sources give the same bytes.
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { build } from "esbuild";

const folder = process.argv[2] ?? "built";

/** The licences of what goes into the bundle, which ask to be passed on with it. */
async function licences() {
  const lock = JSON.parse(await readFile("package-lock.json", "utf8"));
  const shipped = Object.entries(lock.packages).filter(([path, about]) => path !== "" && !about.dev);
  const texts = shipped.map(async ([path, about]) => {
    const text = await readFile(`${path}/LICENSE`, "utf8");
    return `${path.replace("node_modules/", "")} ${about.version}\n${text.trim()}`;
  });
  return `/*!\n${(await Promise.all(texts)).join("\n\n")}\n*/`;
}

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
  footer: { js: await licences() },
  outdir: folder,
});
for (const name of ["index.html", "icon.svg"]) {
  await copyFile(`src/${name}`, `${folder}/${name}`);
}
