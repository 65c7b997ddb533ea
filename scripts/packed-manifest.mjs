/**
 * Takes the script `prepare` out of package.json while it is packed: it builds a clone, and npm warns whoever installs a tarball that has it, although it never runs there. `--restore` puts it
 * back. Both change one line and nothing else, and do nothing where it is done already, so that a pack that was cut off is repaired by the next one.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
const LINE = '    "prepare": "node scripts/build.mjs",\n';
const NEXT = '    "prepack": ';

const text = readFileSync(manifest, 'utf8');
const without = text.replace(LINE, '');
if (!without.includes(NEXT)) throw new Error('package.json has no script prepack, before which prepare stands');
const wanted = process.argv.includes('--restore') ? without.replace(NEXT, LINE + NEXT) : without;
if (wanted !== text) writeFileSync(manifest, wanted);
