/**
 * Builds what the installation serves and a vendor ships: `npm run build`, or `npm run check`, which writes nothing.
 * `--into FOLDER` takes another folder.
 *
 * The built files are committed, since an installation must not need npm; a stale or too large one fails the check.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const into = process.argv.indexOf("--into");
const FOLDER = into < 0 ? new URL("../diffgram_home/browser/built/", import.meta.url) : pathToFileURL(`${process.argv[into + 1]}/`);
const MOST_BROTLI_BYTES = { "home.js": 1000, "home.mjs": 1000 };
const FILES = [
  ["home.js", "home_tag.ts", "iife"],
  ["home.mjs", "home.ts", "esm"],
  ["extras.js", "extras_tag.ts", "iife"],
  ["extras.mjs", "extras.ts", "esm"],
  ["node.mjs", "node.ts", "esm"],
];
const check = process.argv.includes("--check");
const faults = [];

mkdirSync(FOLDER, { recursive: true });
for (const [name, entry, format] of FILES) {
  const made = await build({
    absWorkingDir: new URL(".", import.meta.url).pathname,
    entryPoints: [entry],
    format,
    platform: name.startsWith("node") ? "node" : "browser",
    target: "es2020",
    bundle: true,
    minify: true,
    legalComments: "none",
    write: false,
  });
  const bytes = made.outputFiles[0].contents;
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
  console.log(`${name}: ${bytes.length} bytes, ${gzipSync(bytes, { level: 9 }).length} gzip, ${brotli} brotli`);
  if (brotli > (MOST_BROTLI_BYTES[name] ?? Infinity))
    faults.push(`${name} has ${brotli} bytes in brotli, and may have ${MOST_BROTLI_BYTES[name]}`);
  const file = new URL(name, FOLDER);
  if (!check) writeFileSync(file, bytes);
  else if (!existsSync(file) || !readFileSync(file).equals(bytes))
    faults.push(`${name} is stale: run 'npm run build' in browser/, and commit what it made`);
}
for (const fault of faults) console.error(fault);
process.exitCode = faults.length ? 1 : 0;
