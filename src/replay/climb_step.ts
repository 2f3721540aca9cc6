import type { Offset } from "../model/position.ts";

/** What is to be done next where a climb stands. */
export type ClimbStep =
  | { readonly kind: "page" }
  | {
    readonly kind: "history";
    readonly sourceIndex: number;
    readonly partition: number;
    readonly to: Offset;
    readonly head: Offset;
  }
  | { readonly kind: "ahead"; readonly sourceIndex: number }
  | { readonly kind: "epoch"; readonly sourceIndex: number }
  | { readonly kind: "too-much" };
