// A whole model as every contestant is asked for it: a prompt and then given tokens one by one, each time with the most
// likely next token found; or the logits after the prompt, which show that all do the same work.

/**
 * @param load gives { about, ways, logits, close }: ways by name, each taking (prompt, next) and giving { prefill, decode }
 *   in milliseconds; logits takes the prompt and a way and gives those of the whole vocabulary
 */
export const wholeModelOf =
  (load) =>
  async ({ prompt, next }) => {
    const started = performance.now();
    const model = await load(prompt.length + next.length);
    const loading = performance.now() - started;
    return {
      about: model.about,
      async sample({ of, way }) {
        if (of === 'logits') return Array.from(await model.logits(prompt, way));
        const times = await model.ways[way](prompt, next);
        // The peak so far, in KiB.
        return { ...times, loading, peakBytes: 1024 * process.resourceUsage().maxRSS };
      },
      close: model.close,
    };
  };
