import { expect, test } from 'vitest';
import { readAddress } from './address.ts';

const page = 'https://page.example/chat/';

test.each([
  ['owner/repo', { repo: 'owner/repo' }],
  ['owner/repo:Q4_K_M', { repo: 'owner/repo:Q4_K_M' }],
  ['huggingface.co/owner/repo', { repo: 'owner/repo' }],
  ['hf.co/owner/repo:Q4_K_M', { repo: 'owner/repo:Q4_K_M' }],
  ['https://huggingface.co/owner/repo/', { repo: 'owner/repo' }],
  ['https://huggingface.co/owner/repo/tree/main', { repo: 'owner/repo' }],
  ['https://huggingface.co/owner/repo?library=gguf', { repo: 'owner/repo' }],
  ['https://huggingface.co/owner/repo/blob/main/sub/x.Q8_0.gguf', { url: 'https://huggingface.co/owner/repo/resolve/main/sub/x.Q8_0.gguf' }],
  ['hf.co/owner/repo/blob/main/x.gguf', { url: 'https://huggingface.co/owner/repo/resolve/main/x.gguf' }],
  ['https://huggingface.co/owner/repo?show_file_info=sub%2Fx.gguf', { url: 'https://huggingface.co/owner/repo/resolve/main/sub/x.gguf' }],
  ['https://huggingface.co/owner/repo/resolve/main/x.gguf?download=true', { url: 'https://huggingface.co/owner/repo/resolve/main/x.gguf?download=true' }],
  ['hf.co/owner/repo/resolve/main/x.gguf', { url: 'https://hf.co/owner/repo/resolve/main/x.gguf' }],
  ['localhost:8080/m.gguf', { url: 'http://localhost:8080/m.gguf' }],
  ['127.0.0.1:8080/m.gguf', { url: 'http://127.0.0.1:8080/m.gguf' }],
  ['models.example.org:8443/m.gguf', { url: 'https://models.example.org:8443/m.gguf' }],
  ['models/m.gguf', { url: 'https://page.example/chat/models/m.gguf' }],
  [' https://example.org/m.gguf ', { url: 'https://example.org/m.gguf' }],
])('%s is %j', (text, address) => expect(readAddress(text, page)).toEqual(address));

test.each(['javascript:alert(1)', 'file:///m.gguf', 'C:\\models\\m.gguf', 'ftp://example.org/m.gguf', 'http://'])('%s is refused', (text) => {
  expect(() => readAddress(text, page)).toThrow(TypeError);
});
