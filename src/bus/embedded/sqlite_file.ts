import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BusError } from "../event_bus.ts";

/** "TDGT": tells our files from other SQLite databases. */
const APPLICATION_ID = 0x54444754;
const FORMAT_VERSION = 1;

/** An open file of an embedded log, held by this process alone. */
export interface SqliteFile {
  readonly path: string;
  readonly database: DatabaseSync;
  readonly epoch: string;
  readonly partitionCount: number;
  /** Resolves when all that was committed before is on the disk. Does not hold up the event loop. */
  sync(): Promise<void>;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE log (epoch TEXT NOT NULL) STRICT;
  CREATE TABLE partition (
    number INTEGER PRIMARY KEY,
    first INTEGER NOT NULL,
    next INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  -- id: partition * 2^53 + offset. The large columns come last: looking for the oldest records never reads them.
  CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    timestamp_ms INTEGER NOT NULL,
    size INTEGER NOT NULL,
    key BLOB,
    headers BLOB,
    value BLOB NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT_VERSION};
`;

/**
 * Opens the file, creating it and its folder where they do not exist.
 *
 * A commit writes to the write-ahead log and returns (`synchronous=NORMAL`); {@link SqliteFile.sync} then makes it safe
 * with an `fdatasync` of that file in another thread, so that a slow disk does not hold up the streams. The write-ahead
 * log is the one file of SQLite's that carries no lock; opening the database itself a second time would drop its lock.
 *
 * @param partitionCount of a new log; an existing one keeps its own, and another wish is refused
 * @throws BusError with what to do
 */
export function openSqliteFile(path: string, partitionCount: number | undefined): SqliteFile {
  let database: DatabaseSync | undefined;
  try {
    Deno.mkdirSync(dirname(path), { recursive: true });
    database = new DatabaseSync(path);
    // Exclusive before the first access: no other process can so much as read, and no shared memory is needed.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL");
    database.exec("BEGIN EXCLUSIVE");
    const isNew = numberOf(database, "SELECT count(*) AS value FROM sqlite_schema") === 0;
    if (isNew) create(database, partitionCount ?? 1);
    else assertOurs(database, path);
    database.exec("COMMIT");
    database.exec("PRAGMA synchronous = NORMAL");
    const { epoch } = database.prepare("SELECT epoch FROM log").get() ?? {};
    const partitions = numberOf(database, "SELECT count(*) AS value FROM partition");
    if (typeof epoch !== "string" || partitions === 0) throw new Error("database disk image is malformed");
    if (partitionCount !== undefined && partitionCount !== partitions) {
      throw new BusError(
        `Cannot open the embedded log ${JSON.stringify(path)} with ${partitionCount} partitions: it was made with ` +
          `${partitions}. Configure that number, or give a new log another path.`,
      );
    }
    return opened(path, database, epoch, partitions);
  } catch (error) {
    database?.close();
    throw error instanceof BusError ? error : openError(path, error);
  }
}

function create(database: DatabaseSync, partitionCount: number): void {
  database.exec(SCHEMA);
  database.prepare("INSERT INTO log VALUES (?)").run(crypto.randomUUID());
  const insert = database.prepare("INSERT INTO partition VALUES (?, 0, 0, 0)");
  for (let number = 0; number < partitionCount; number++) insert.run(number);
}

function assertOurs(database: DatabaseSync, path: string): void {
  const application = numberOf(database, "SELECT application_id AS value FROM pragma_application_id");
  const version = numberOf(database, "SELECT user_version AS value FROM pragma_user_version");
  if (application !== APPLICATION_ID) {
    throw new BusError(
      `Cannot open the embedded log ${JSON.stringify(path)}: it is the SQLite database of another program. ` +
        "Give the log a path of its own.",
    );
  }
  if (version !== FORMAT_VERSION) {
    throw new BusError(
      `Cannot open the embedded log ${JSON.stringify(path)}: its format is version ${version}, this program knows ` +
        `${FORMAT_VERSION}. Run the version that wrote it, or give the log another path.`,
    );
  }
}

function opened(path: string, database: DatabaseSync, epoch: string, partitionCount: number): SqliteFile {
  // The write-ahead log exists from the first write on, and lives as long as the connection: `create` or this wrote.
  database.exec("UPDATE log SET epoch = epoch");
  const writeAheadLog = Deno.openSync(`${path}-wal`, { read: true, write: true });
  return {
    path,
    database,
    epoch,
    partitionCount,
    sync: () => writeAheadLog.syncData(),
    close: () => {
      writeAheadLog.close();
      database.close();
    },
  };
}

function openError(path: string, error: unknown): BusError {
  const message = error instanceof Error ? error.message : String(error);
  const refuse = (state: string) =>
    new BusError(`Cannot open the embedded log ${JSON.stringify(path)}: ${state}`, { cause: error });
  if (message.includes("locked")) {
    return refuse("another process has it open. Stop that one, or give this one another path.");
  }
  if (message.includes("not a database") || message.includes("malformed")) {
    return refuse(
      `the file is damaged or no embedded log (${message}). Restore a backup, or move it away: a new log will be made, ` +
        "of a new epoch, and readers are told of the gap.",
    );
  }
  return refuse(`${message}. The process must be able to read and write the file and its folder.`);
}

function numberOf(database: DatabaseSync, query: string): number {
  return Number(database.prepare(query).get()?.["value"]);
}
