/** What `muster serve --install-service` loads, all at once and only then. */
export { KNOWN_SCHEMA } from '../db/snapshot.ts';
export { carryOut } from './install.ts';
export { ownProgram } from './own-program.ts';
export { planInstall, sentenceOf } from './plan.ts';
export { removeService } from './removal.ts';
export { look } from './state.ts';
export { systemMachine } from './system.ts';
