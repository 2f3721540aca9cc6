/** What samples of the documents take for granted: names of the reader's own page, which they need not explain. */

/** Where the gateway is. */
declare const gateway: string;
/** Shows a task's progress on the page. */
declare function show(taskId: string, percent: number): void;
/** Reads the page's state anew. */
declare function reload(): void;
/** Lets the user log in again. */
declare function renewLogin(): void;
/** Asks the reader's own back end for a token. */
declare function fetchToken(): Promise<string>;
