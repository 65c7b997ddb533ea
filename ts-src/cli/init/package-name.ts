/** Whether npm takes a name for a package (https://docs.npmjs.com/cli/configuring-npm/package-json#name), and one that it would take instead. Pure. */
import { builtinModules } from 'node:module';

const LENGTH_MAX = 214;
const PART = /^[a-z0-9~-][a-z0-9._~-]*$/;

/** @returns what is wrong with it; undefined if nothing is */
export function packageNameFault(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > LENGTH_MAX) return `it has ${name.length} characters; at most ${LENGTH_MAX} are allowed`;
  if (name !== name.toLowerCase()) return 'it has capitals';
  const parts = name.startsWith('@') ? name.slice(1).split('/') : [name];
  if (name.startsWith('@') && parts.length !== 2) return 'a scope is followed by one slash and a name, as in @scope/name';
  if (!parts.every((part) => PART.test(part))) return 'letters a to z, digits, and within it also . _ - are allowed';
  if (builtinModules.includes(name)) return 'it is the name of a module of Node';
  if (name === 'node_modules' || name === 'favicon.ico') return 'npm keeps it for itself';
  if (name === 'nexus-agents') return 'the project could not depend on nexus-agents then';
  return undefined;
}

/** A name that is allowed and looks like this one, if there is one. */
export function nearestPackageName(name: string): string | undefined {
  const scope = /^@[^/]+\//.exec(name)?.[0] ?? '';
  const bare = name
    .slice(scope.length)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9._~-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, LENGTH_MAX);
  const suggestion = `${scope.toLowerCase()}${bare}`;
  return suggestion !== name && packageNameFault(suggestion) === undefined ? suggestion : undefined;
}
