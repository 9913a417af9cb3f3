// What goes wrong with the Hub, as errors a person can act on.

import { HubApiError } from '@huggingface/hub';
import { isFileSystemError, LikenessError, WeightsError } from '@likeness/engine';
import { damagedAnswer } from './hubAnswers.ts';

/** @returns the error to throw: what a user aborted or the file system refused stays as it is */
export function explainHubError(
  error: unknown,
  id: string,
  revision: string,
  signal: AbortSignal | undefined,
): unknown {
  if (error instanceof LikenessError || signal?.aborted || isFileSystemError(error)) return error;
  const where = `${id} (${revision})`;
  const status = error instanceof HubApiError ? error.statusCode : undefined;
  if (status === 401 || status === 403) {
    return new WeightsError('the Hub does not let you read this model', {
      code: 'hub/no-access',
      where,
      got: `status ${status}`,
      hint: 'Check the name; for a gated or private model accept its licence on its page and set HF_TOKEN to a token of yours.',
      cause: error,
    });
  }
  if (status === 404) {
    return new WeightsError('there is no such model or revision on the Hub', {
      code: 'hub/not-found',
      where,
      hint: 'Check the name (owner/name) and the revision; a folder needs a path that starts with ./ or /.',
      cause: error,
    });
  }
  if (isDamagedAnswer(error)) return damagedAnswer(where, 'JSON as the Hub answers', describe(error), error);
  return new WeightsError('the Hub could not be reached', {
    code: 'hub/not-reached',
    where,
    got: describe(error),
    hint: 'Check the connection (HF_ENDPOINT names another server) and run again: what is there is kept. With HF_HUB_OFFLINE=1 only the cache is used.',
    cause: error,
  });
}

/** The library parses answers without checking them; fetch's own TypeErrors have a cause. */
function isDamagedAnswer(error: unknown): boolean {
  return error instanceof SyntaxError || (error instanceof TypeError && error.cause === undefined);
}

/** fetch hides the reason one or two levels down. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
