// Where the queries of a workgroup of attention stand: a few of one head of one sequence.

/** The parameters of a kernel of attention. */
export const ATTENTION_PARAMS = ['heads', 'kvHeads', 'headDim', 'queries', 'keys', 'f_scale', 'window', 'f_cap'];

export const least = /* wgsl */ `
/** Below every score. */
const LEAST = -3.4028234e38;`;

/**
 * Declares `first`, `head`, `sequence`, `kvHead` and `count` for workgroups of so many queries. Those that see most keys come
 * first where `longestFirst`, so that none of them begins when the others are done.
 */
export const queriesOf = (queries: number, longestFirst = false): string => /* wgsl */ `
  let blocks = (p.queries + ${queries - 1}) / ${queries};
  ${
    longestFirst
      ? `let first = (blocks - 1 - group / p.heads % blocks) * ${queries};
  let head = group % p.heads;`
      : `let first = (group % blocks) * ${queries};
  let head = (group / blocks) % p.heads;`
  }
  let sequence = group / blocks / p.heads;
  let kvHead = head * p.kvHeads / p.heads;
  let count = min(${queries}u, p.queries - first);`;
