/**
 * What every bus must do, on its real server. An implementer writes an {@link EventBusHarness} and calls
 * {@link describeEventBusContract}; what the middleware has no notion of, the harness says with the reason.
 */
import type { EventBusHarness } from "./event_bus_harness.ts";
import { describeLoss } from "./loss_contract.ts";
import { describeOperation } from "./operation_contract.ts";
import { describePublishing } from "./publishing_contract.ts";
import { describeRandomInterleavings } from "./random_contract.ts";
import { describeReading } from "./reading_contract.ts";

/** Registers the tests, each named `name: what holds`. */
export function describeEventBusContract<Log extends AsyncDisposable>(
  name: string,
  harness: EventBusHarness<Log>,
): void {
  describeReading(name, harness);
  describePublishing(name, harness);
  describeLoss(name, harness);
  describeOperation(name, harness);
  describeRandomInterleavings(name, harness);
}
