import * as z from "zod";

/**
 * What the configuration needs to know of a setting beside its type. Kept outside the schemas' types so that wrapping
 * one (`prefault`, `describe`, `exactOptional`) loses nothing: read it on the innermost schema.
 */
export const settingRegistry = z.registry<SettingTraits>();

export interface SettingTraits {
  /** The parsed number's unit; {@link section} appends it to the key. */
  readonly unit?: "ms" | "bytes";
  /** What values are allowed, where the type alone does not say it: `a duration from 1s to 1m, …`. */
  readonly allowed?: string;
  /** Never printed, and readable from a file through the sibling key `…File`. */
  readonly secret?: true;
  /** Path of a file whose content becomes the sibling secret; gone after loading. */
  readonly secretFile?: true;
}
