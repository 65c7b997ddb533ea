/** `nexus init DIR`: a project of one's own with an agent, a test and a service, from the template that is in the package. It installs nothing. */
import { readFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseCommandLine, UsageError } from '../command-line.js';
import { harmless } from '../terminal-text.js';
import { checkFolder, writeProject } from './new-project.js';
import { nearestPackageName, packageNameFault } from './package-name.js';

const COMMAND = 'init';
const PACKAGE = new URL('../../../../', import.meta.url);
const TEMPLATE = fileURLToPath(new URL('templates/service/', PACKAGE));

export const INIT_HELP = `nexus init DIR [options]

Makes a project in a new or empty folder: TypeScript, an agent, a test of it, and scripts to build, test, start and develop.
It overwrites nothing and installs nothing.

  --name NAME               name of the package (default: the name of the folder)
  --help                    print this

Exit code: 0; 1 if the folder is not empty or cannot be written; 2 for a mistake in the command line.
`;

export async function init(args: readonly string[]): Promise<void> {
  const line = parseCommandLine(COMMAND, args, { name: 'text', help: 'flag' });
  if (line.flag('help')) {
    process.stdout.write(INIT_HELP);
    return;
  }
  const [directory, unexpected] = line.positionals;
  if (directory === undefined || directory === '') throw new UsageError(COMMAND, 'which folder? Give a new one, or . for this one');
  if (unexpected !== undefined) throw new UsageError(COMMAND, `'${unexpected}' is not expected: give one folder`);
  const folder = resolve(directory);
  const project = line.text('name') ?? basename(folder);
  const fault = packageNameFault(project);
  if (fault !== undefined) {
    const nearest = nearestPackageName(project);
    const what = line.text('name') === undefined ? `the folder's name '${harmless(project)}'` : `--name '${harmless(project)}'`;
    throw new UsageError(
      COMMAND,
      `${what} cannot be the name of a package: ${fault}. Give one with --name${nearest === undefined ? '' : `, such as ${nearest}`}`,
    );
  }
  checkFolder(folder);
  const files = writeProject(TEMPLATE, folder, { project, nexusVersion: `^${version()}` });
  process.stdout.write(doneText(project, relative(process.cwd(), folder), files));
}

function version(): string {
  return (JSON.parse(readFileSync(new URL('package.json', PACKAGE), 'utf8')) as { version: string }).version;
}

function doneText(project: string, folder: string, files: readonly string[]): string {
  const enter = folder === '' ? '' : `  cd ${/^[\w./-]+$/.test(folder) ? folder : `'${harmless(folder).replaceAll("'", "'\\''")}'`}\n`;
  return `nexus: made ${project}: ${files.join(', ')}

${enter}  npm install
  npm test
  npm start

and while it runs, in another terminal

  curl -X POST localhost:8080/agents/first/add -H 'content-type: application/json' -d 2
  npx nexus top

or look at http://localhost:8080/console
`;
}
