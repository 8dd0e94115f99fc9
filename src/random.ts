// Names that nothing else has, on pages without https too: `crypto.randomUUID` is there in secure contexts alone.

/** 128 random bits in hexadecimal. */
export const randomId = (): string => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
