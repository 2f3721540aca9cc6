/// <reference lib="dom" />

const KEY = "tidegate-admin-token";

/**
 * The token from the address's fragment, which no server sees, else from this tab's session. It is taken out of the
 * address at once, so that no bookmark or screenshot keeps it.
 */
export function takeToken(): string | undefined {
  const given = /^#token=([\x21-\x7e]+)$/.exec(location.hash)?.[1];
  if (given === undefined) return sessionStorage.getItem(KEY) ?? undefined;
  history.replaceState(null, "", `${location.pathname}${location.search}#live`);
  rememberToken(given);
  return given;
}

export function rememberToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
