// Two things that wait for a secret at once: neither waits for ever.
import { expect, it } from 'vitest';
import { RequestError } from '../../errors.ts';
import { needsToken, SecretQuestion } from './secret-question.ts';

it('asks for the later of two, and the first fails as if it had not been answered', async () => {
  const question = new SecretQuestion(() => {}, needsToken);
  const denied = () => Promise.reject(new RequestError('gated', { code: 'access_denied' }));
  const first = question.during('a', undefined, undefined, (token) => (token ? Promise.resolve(token) : denied()));
  await new Promise((resolve) => setTimeout(resolve));
  const second = question.during('b', undefined, undefined, (token) => (token ? Promise.resolve(token) : denied()));
  await expect(first).rejects.toThrow('gated');
  expect(question.name).toBe('b');
  question.answer('secret');
  expect(await second).toBe('secret');
  expect(question.name).toBeNull();
});
