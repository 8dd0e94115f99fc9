/** The first k of `order`, token ids from the most likely on; all for k = 0. */
export const topK = (order: number[], k: number): number[] => (k > 0 ? order.slice(0, k) : order);
