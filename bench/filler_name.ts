/** Name of a key that fills a store. */
export const fillerName = (index: number): string => `filler-${index}`;
