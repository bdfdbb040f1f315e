/**
 * A program of its own, `node injector FILE BLOB`: makes FILE, a node, carry what it is to run. It takes 850 MB for two seconds and warns
 * about sections that nobody needs, which is why it is not done in the process of whoever installs.
 */
import { readFile } from 'node:fs/promises';
import { inject } from 'postject';

const [file = '', blob = ''] = process.argv.slice(2);
await inject(file, 'NODE_SEA_BLOB', await readFile(blob), {
  sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
});
