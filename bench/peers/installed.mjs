// What a peer that is not installed says.

/** What `load` gives, which imports a package of this folder. */
export async function installed(load) {
  try {
    return await load();
  } catch (error) {
    if (error.code === 'ERR_MODULE_NOT_FOUND')
      throw new Error('not installed: npm ci --ignore-scripts in bench/peers', { cause: error });
    throw error;
  }
}
