// The routes on a port of this machine, in Node.
//
//   node examples/hono/server.mjs [MODEL]        PORT=8080 for another port than 3000
//   curl -N localhost:3000/generate -d '{"prompt": "Once upon a time"}'

import { serve } from '@hono/node-server';
import { loadModel } from 'neuroal/runtime';
import { appOf } from './app.mjs';

const model = await loadModel(process.argv[2]);
const server = serve({ fetch: appOf(model).fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`http://localhost:${port}`),
);

for (const signal of ['SIGINT', 'SIGTERM'])
  process.once(signal, () => {
    server.close(() => model.dispose());
    server.closeAllConnections();
  });
