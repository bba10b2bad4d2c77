// Bundles src/ into dist/; bin/assets calls it and stamps the result.
import { rm } from "node:fs/promises";
import * as esbuild from "esbuild";

const outdir = "dist";

await rm(outdir, { recursive: true, force: true });
const result = await esbuild.build({
  entryPoints: { theme: "src/theme.js", app: "src/app.js", editor: "src/editor.js", board: "src/board.js", style: "src/style.css" },
  outdir,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2022"],
  legalComments: "linked",
  metafile: true,
  logLevel: "warning",
});
for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
  console.log(`${(bytes / 1024).toFixed(1).padStart(8)} KiB  ${file}`);
}
