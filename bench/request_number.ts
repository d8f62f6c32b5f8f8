/** Stands in a request for a number that no other request has, and is as long as one. */
export const REQUEST_NUMBER = 'NNNNNNNN';
