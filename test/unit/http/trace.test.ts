import { expect, test } from 'vitest';
import { traced } from '../../../src/http/trace.ts';

const shown = async (url: string, init: RequestInit, answer: Response): Promise<string> => {
  const lines: string[] = [];
  await traced(
    async () => answer,
    (line) => lines.push(line),
    () => 0,
  )(url, init);
  return lines.join('\n');
};

test('requests and answers are shown, and no secret is', async () => {
  const text = await shown(
    'https://user:S3CRET@reg.example/v2/a/blobs/uploads/?digest=sha256:aa&_state=S3CRET&X-Amz-Signature=S3CRET',
    {
      method: 'POST',
      headers: { authorization: 'Bearer S3CRET', accept: 'text/plain', 'x-api-key': 'S3CRET' },
      body: 'grant_type=refresh_token&refresh_token=S3CRET&password=S3CRET',
    },
    new Response(JSON.stringify({ errors: [{ code: 'DENIED' }], token: 'S3CRET', refresh_token: 'S3"CRET' }), {
      status: 403,
      headers: {
        'content-type': 'application/json',
        'content-length': '100',
        location: 'https://store.example/x?sig=S3CRET&n=5',
        'set-cookie': 'a=S3CRET',
        link: '</v2/x?last=b&key=S3CRET>; rel="next"',
        'www-authenticate': 'Bearer realm="https://reg.example/token"',
      },
    }),
  );
  expect(text).not.toContain('S3CRET');
  expect(text).not.toContain('CRET');
  for (const open of [
    'POST',
    'digest=sha256:aa',
    'Bearer ***',
    'text/plain',
    '403',
    'DENIED',
    'last=b',
    'rel="next"',
  ]) {
    expect(text).toContain(open);
  }
});

test('what the other side writes stays on its line', async () => {
  const text = await shown('https://reg.example/', {}, new Response('', { headers: { 'x-a': 'b' } }));
  expect(text.split('\n').every((line) => /^1 [<>] /.test(line))).toBe(true);
});

test('a failure is shown and thrown', async () => {
  const lines: string[] = [];
  const fetch = traced(
    async () => {
      throw new Error('no way to https://a:S3CRET@proxy');
    },
    (line) => lines.push(line),
    () => 0,
  );
  await expect(fetch('https://reg.example/')).rejects.toThrow('no way');
  expect(lines.join()).not.toContain('S3CRET');
});
