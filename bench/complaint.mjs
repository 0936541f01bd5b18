// What whoever runs a benchmark can mend is said in one line: a wrong variable, or a build that is missing. Everything else
// that goes wrong keeps its stack.

export class Complaint extends Error {}

process.on('uncaughtException', (error) => {
  const unbuilt =
    error.code === 'ERR_MODULE_NOT_FOUND' && /^Cannot find module '[^']*[\\/]dist[\\/]/.test(error.message);
  if (!unbuilt && !(error instanceof Complaint)) {
    console.error(error);
    process.exit(1);
  }
  console.error(unbuilt ? 'expected a build in dist/, got none: npm run build' : error.message);
  process.exit(2);
});
