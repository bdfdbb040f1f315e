/** Muster's own version and the versions of everything that is spoken or signed. */
export const MUSTER_VERSION = '0.1.0';

/** Session versions, best first. */
export const SESSION_VERSIONS: readonly number[] = [2];
export const ORDER_VERSION = 4;
export const TRUST_VERSION = 1;
export const REPORT_VERSION = 3;
export const ENROL_VERSION = 1;
export const TOKEN_VERSION = 1;
export const RELEASE_VERSION = 1;
export const PARAMS_VERSION = 1;
