// Reads the file of a plan. YAML 1.2 contains JSON, so one reader serves both; it is strict, because a plan is written by
// hand: what YAML merely warns of is an error here.

import { readBytes, textOf } from '../data/text-file.js';
import { NeuroalError, UsageError } from '../errors.js';

/** A plan is some lines; this keeps a file of weights given by mistake from being parsed. */
const maxBytes = 1024 * 1024;

/**
 * What the YAML or JSON file at `path` says, unchecked.
 * @throws DataError for a file that cannot be read, UsageError for one that is not a single YAML document.
 */
export async function readPlanFile(path: string): Promise<unknown> {
  const refuse = (expected: string, got: string) => new UsageError(NeuroalError.text({ expected, got, where: path }));
  const bytes = await readBytes(path);
  if (bytes.length > maxBytes) throw refuse(`a plan of at most ${maxBytes} bytes`, `${bytes.length}`);
  const { parseDocument } = await import('yaml');
  const document = parseDocument(textOf(bytes, path), { stringKeys: true });
  const [wrong] = [...document.errors, ...document.warnings];
  if (wrong)
    throw refuse(
      'a plan in YAML or JSON',
      wrong.code === 'MULTIPLE_DOCS' ? 'several documents' : firstLine(wrong.message),
    );
  try {
    // Aliases that would unfold into a great many values are refused here.
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw refuse('a plan in YAML or JSON', firstLine((error as Error).message));
  }
}

/** The rest shows the place in the file, over several lines. */
const firstLine = (message: string) => message.split('\n', 1)[0].replace(/: *$/, '');
