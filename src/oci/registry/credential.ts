/** What proves who the caller is to a registry. `identity` is an OAuth2 refresh token. Never part of a message. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity'; readonly token: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** Finds the credential for a repository (`HOST` and `REPOSITORY`), or none. */
export type Credentials = (host: string, repository: string) => Promise<Credential | undefined>;

/** The username by which credential helpers say that the password is an identity token. */
export const IDENTITY_USER = '<token>';

/** A user name and password (or identity token) as a credential. */
export const credentialOf = (username: string, password: string): Credential =>
  username === IDENTITY_USER ? { kind: 'identity', token: password } : { kind: 'basic', username, password };

/** What of a credential must not be shown, in every spelling in which a server may have read it. */
export const secretsOf = (credential: Credential | undefined): readonly string[] => {
  if (credential === undefined) return [];
  if (credential.kind !== 'basic') return [credential.token];
  const { username, password } = credential;
  return [password, basicHeader(username, password).slice('Basic '.length)];
};

/** The value of an `Authorization` header for HTTP Basic, in UTF-8. https://www.rfc-editor.org/rfc/rfc7617 */
export const basicHeader = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
