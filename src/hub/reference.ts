// Which model of a hub is meant, and how its names become names on disk. Whatever comes from a server or from
// a configuration passes here first: nothing that could climb out of the cache gets through.
import { RestillError } from '../errors.ts';

/** A model on a hub: `ORG/NAME`, or `NAME` alone for the oldest ones. */
export interface ModelReference {
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** How a configuration says that a model is in the cache rather than at a path. */
const prefix = 'hf:';

const defaultRevision = 'main';
/** No leading dot and no `..` or `--` (the latter separates in names of folders). */
const repositoryPattern = /^(?!.*(?:--|\.\.))\w[\w.-]*(\/\w[\w.-]*)?$/;
const pathPattern = /^\w[\w.-]*(\/\w[\w.-]*)*$/;
const commitPattern = /^[0-9a-f]{40}$/;

/**
 * `ORG/NAME` or `ORG/NAME@REV`, REV being `main` where it is left out.
 *
 * @throws RestillError `USAGE`.
 */
export function parseReference(text: string): ModelReference {
  const [, repository = '', revision = defaultRevision] = /^([^@]*)(?:@(.*))?$/s.exec(text) ?? [];
  if (repositoryPattern.test(repository) && isPlainPath(revision)) return { repository, revision };
  throw new RestillError(
    'USAGE',
    `${JSON.stringify(text)} names no model: give ORG/NAME or ORG/NAME@REV, ` +
      'for example sentence-transformers/all-MiniLM-L6-v2',
  );
}

/** The reference in `hf:ORG/NAME[@REV]`; null for what is a path. Errors as for `parseReference`. */
export const startReference = (text: string): ModelReference | null =>
  text.startsWith(prefix) ? parseReference(text.slice(prefix.length)) : null;

export const referenceText = ({ repository, revision }: ModelReference): string =>
  revision === defaultRevision ? repository : `${repository}@${revision}`;

/** `models--ORG--NAME`. */
export const cacheFolder = ({ repository }: ModelReference): string =>
  `models--${repository.replaceAll('/', '--')}`;

/** A relative path with `/` and no segment that is empty or begins with a dot. */
export const isPlainPath = (path: string): boolean => pathPattern.test(path);

export const isCommit = (revision: string): boolean => commitPattern.test(revision);
