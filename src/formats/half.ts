// f16 -> number, exact, subnormals included. IEEE 754-2008.

export function halfToFloat(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 0x3ff;
  const magnitude = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return half & 0x8000 ? -magnitude : magnitude;
}
