import { MIB } from '../../../proto/limits.ts';

/** What one command takes in: far above what a site has, and small enough to be read in a moment. */
export const INVENTORY_LIMITS = {
  /** Of one file. */
  characters: 8 * MIB,
  hosts: 20_000,
} as const;
