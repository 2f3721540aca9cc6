import * as z from "zod";
import { isEventName } from "../model/event_name.ts";
import { SOURCE_NAME } from "../model/position.ts";
import { parseScope } from "../model/scope.ts";
import { parseFieldPath, parseScopeTemplate, parseTemplate } from "./mapping_template.ts";

/** A setting that is a path such as `novel.owner.id`. */
export function fieldPath() {
  return z.string().superRefine((text, context) => {
    const path = parseFieldPath(text);
    if ("problem" in path) context.addIssue(`must be the path of a field; ${JSON.stringify(text)} ${path.problem}`);
  });
}

/** A setting that is text with paths in braces. */
export function textTemplate() {
  return z.string().min(1).max(1_024).superRefine((text, context) => {
    const template = parseTemplate(text);
    if ("problem" in template) context.addIssue(`must be a template; ${JSON.stringify(text)} ${template.problem}`);
  });
}

/** A setting that is a scope with paths in braces; only `expandable` ones may hold `[]`. */
export function scopeTemplate(expandable: boolean) {
  return z.string().superRefine((text, context) => {
    const template = parseScopeTemplate(text, expandable);
    if ("problem" in template) {
      context.addIssue(`must be a scope template; ${JSON.stringify(text)} ${template.problem}`);
    } else if (template.paths.length === 0 && parseScope(text) === undefined) {
      context.addIssue("must be global, or kind:id such as user:{user_id}");
    }
  });
}

/** A setting that is an event's name. */
export function eventName() {
  return z.string().refine(isEventName, {
    error: "must be an event's name, domain.action-past in lower case, such as task.progress-updated; the domain " +
      "stream is the gateway's own",
  });
}

/** A setting that is a source's name. */
export function sourceName() {
  return z.string().regex(SOURCE_NAME, { error: "must be 1 to 64 of a-z 0-9 _ . -, first a letter or digit" });
}
