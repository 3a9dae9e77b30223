// SPDX-License-Identifier: Apache-2.0
// Makes one script of page.js and what it imports, and a text of the licences of all that is in it.
//
//   node bundle.mjs NODE_MODULES ASSETS OUT     writes OUT/page.js and OUT/licences.txt
import {createRequire} from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

const [modules, assets, out] = process.argv.slice(2).map((folder) => path.resolve(folder));
const allowed = new Set(['BSD-3-Clause', 'ISC', 'MIT', '0BSD', 'Unlicense']);

const esbuild = createRequire(path.join(modules, 'x.js'))('esbuild');
const {metafile} = await esbuild.build({
  entryPoints: [path.join(assets, 'page.js')], outfile: path.join(out, 'page.js'), nodePaths: [modules],
  bundle: true, minify: true, format: 'iife', target: 'es2020', charset: 'ascii', legalComments: 'none', metafile: true,
  platform: 'browser', logLevel: 'warning',
  // Vega-Lite takes four functions of vega-util through vega, which would bring every transform there is.
  alias: {vega: 'vega-util'},
});

const packages = new Map(); // folder -> its package.json
for (const [output] of Object.values(metafile.outputs).map((o) => [o.inputs])) {
  for (const [input, {bytesInOutput}] of Object.entries(output)) {
    const found = path.resolve(input).match(/^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//);
    if (found && bytesInOutput > 0) packages.set(found[1], JSON.parse(fs.readFileSync(path.join(found[1], 'package.json'))));
  }
}

const texts = new Map(); // licence -> the packages that have it
for (const [folder, {name, version, license}] of [...packages].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const file = fs.readdirSync(folder).find((entry) => /^licen[cs]e(\.|$)/i.test(entry));
  if (!file) throw new Error(`${name} ${version} (${license}): no file with its licence in ${folder}`);
  if (!allowed.has(license)) throw new Error(`${name} ${version}: licence ${license}, expected one of ${[...allowed].join(', ')}`);
  const text = fs.readFileSync(path.join(folder, file), 'utf8').replace(/\r/g, '').trim();
  if (/--!?>|<!--/.test(text)) throw new Error(`${name}: its licence cannot stand in a comment`);
  texts.set(text, [...(texts.get(text) ?? []), `${name} ${version} (${license})`]);
}
const parts = [...texts].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
fs.writeFileSync(path.join(out, 'licences.txt'), parts.join(`\n${'-'.repeat(80)}\n\n`).replaceAll('--', '=='));
