/** A document for React to render into; import it before React's own parts, which look for one when they are loaded. */
import { Window } from "happy-dom";

const window = new Window({ url: "http://page.test/" });

// Not all that a window has: the test runner's own events go over the real global.
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
