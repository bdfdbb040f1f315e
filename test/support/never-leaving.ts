/** For an agent that nobody orders to remove itself. */
export const NEVER_LEAVING = { isDecided: () => false, receipted: () => {}, forgotten: () => {} };
