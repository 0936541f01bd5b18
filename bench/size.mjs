// What an installation weighs, and a budget for it: packs the package, installs it into an empty folder, and fails where it
// or a whole node_modules is heavier than it may be, or where docs/dependencies.md is not what is there.
//
//   npm run size
//   node bench/size.mjs APP        of a folder into which it has been installed

import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Our own package without the embedded model. */
const MOST_OWN = 1.25 * MIB;
/** All that a consumer gets, the embedded model included. */
const MOST_INSTALLED = 8 * MIB;
/** What the table in the docs may be off by: versions move within their ranges. */
const DOCS_OFF = 0.25;

const root = fileURLToPath(new URL('..', import.meta.url));

/** Bytes of all files below a folder, or of a file. */
function bytesOf(path) {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

function install(folder) {
  // A build is there: without one, `prepare` would make it.
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root }),
  );
  const app = join(folder, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "private": true }');
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', join(folder, filename)], { cwd: app });
  return app;
}

/** [name, bytes] of each package below node_modules, the heaviest first. */
function packagesIn(modules) {
  const names = readdirSync(modules).filter((name) => !name.startsWith('.'));
  return names
    .flatMap((name) => (name.startsWith('@') ? readdirSync(join(modules, name)).map((n) => `${name}/${n}`) : [name]))
    .map((name) => [name, bytesOf(join(modules, name))])
    .sort(([, a], [, b]) => b - a);
}

/** KB by name in the first table of the docs. */
function documented() {
  const text = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
  return new Map(
    [...text.matchAll(/^\| `([^`]+)` \| ([\d,]+) \|/gm)].map(([, name, kb]) => [name, +kb.replace(',', '')]),
  );
}

function weigh(app) {
  const modules = join(app, 'node_modules');
  const own = join(modules, 'neuroal');
  const model = bytesOf(join(own, 'embedded'));
  const code = bytesOf(own) - model;
  const others = packagesIn(modules).filter(([name]) => name !== 'neuroal');
  const all = bytesOf(modules);
  const kb = (bytes) => `${Math.round(bytes / 1000)} KB`.padStart(9);
  for (const [name, bytes] of [['neuroal', code], ['its embedded model', model], ...others])
    console.log(`${kb(bytes)}  ${name}`);
  console.log(`${kb(all)}  the whole node_modules of a consumer`);

  const wrong = [];
  const hold = (what, bytes, most) => {
    const line = `${what}: ${(bytes / MIB).toFixed(2)} MiB of at most ${most / MIB} MiB`;
    console.log(line);
    if (bytes > most) wrong.push(line);
  };
  hold('neuroal without the embedded model', code, MOST_OWN);
  hold('everything installed', all, MOST_INSTALLED);

  const docs = documented();
  // Its builds for other systems weigh something else, and some systems have none.
  const there = others.filter(([name]) => !name.startsWith('@napi-rs/nice-'));
  for (const [name, bytes] of there) {
    const said = docs.get(name);
    if (said === undefined || Math.abs(1000 * said - bytes) > Math.max(1000, DOCS_OFF * bytes))
      wrong.push(`docs/dependencies.md: expected ${name} with about ${Math.round(bytes / 1000)} KB, got ${said}`);
  }
  for (const name of docs.keys())
    if (!others.some(([other]) => other === name)) wrong.push(`docs/dependencies.md: ${name} is not installed`);
  return wrong;
}

const [given] = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'neuroal-size-'));
try {
  const wrong = weigh(given ?? install(scratch));
  for (const line of wrong) console.error(`FAILED: ${line}`);
  process.exitCode = wrong.length ? 1 : 0;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
