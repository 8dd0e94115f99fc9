// Bytes per second over the last few seconds, so that a stalled download shows soon. Knows no clock.

const windowMs = 4000;

export class TransferRate {
  private samples: { bytes: number; ms: number }[] = [];

  /** `bytes` in total by the time `ms`. */
  add(bytes: number, ms: number): void {
    this.samples.push({ bytes, ms });
    while (this.samples.length > 2 && this.samples[1].ms <= ms - windowMs) this.samples.shift();
  }

  /** 0 until there is enough to tell. */
  get bytesPerSecond(): number {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.ms - first.ms < 250) return 0;
    return ((last.bytes - first.bytes) * 1000) / (last.ms - first.ms);
  }
}
