// What a policy keeps of a conversation, in words. No elements.
import { type KeptSlots } from '../../protocol.ts';

const whole = (value: number): string => Math.round(value).toLocaleString('en');

export function keptWords({ tokens, layers }: KeptSlots): string {
  const all = layers.flat();
  const mean = all.reduce((a, b) => a + b, 0) / Math.max(1, all.length);
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const range = least === most ? `each head has ${whole(most)}` : `heads have ${whole(least)} to ${whole(most)}, ${whole(mean)} on average`;
  return `Of ${whole(tokens)} tokens ${range}.`;
}
