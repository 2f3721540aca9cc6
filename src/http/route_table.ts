import type { Route } from "./router.ts";

/** The route of a path, and what stands in its places. */
export interface FoundRoute {
  readonly route: Route | undefined;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Nothing is there. */
export const NO_ROUTE: FoundRoute = { route: undefined, parameters: {} };

/** Finds routes by path: those without places by one look, the few others in their order. */
export function routeTable(routes: readonly Route[]): (path: string) => FoundRoute {
  const exact = new Map(routes.map((route) => [route.path, { route, parameters: {} }]));
  const open = routes.filter(({ path }) => path.includes("{")).map((route) => ({
    route,
    segments: route.path.split("/"),
  }));
  return (path) => {
    const found = exact.get(path);
    if (found !== undefined) return found;
    const given = path.split("/");
    for (const { route, segments } of open) {
      const parameters = parametersOf(segments, given);
      if (parameters !== undefined) return { route, parameters };
    }
    return NO_ROUTE;
  };
}

function parametersOf(
  segments: readonly string[],
  given: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (segments.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const text = given[index] ?? "";
    const name = /^\{(.+)\}$/.exec(segment)?.[1];
    if (name === undefined) {
      if (segment !== text) return undefined;
      continue;
    }
    const decoded = decode(text);
    if (decoded === undefined || decoded === "") return undefined;
    parameters[name] = decoded;
  }
  return parameters;
}

/** `undefined` for a broken escape: no resource has such a name. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
