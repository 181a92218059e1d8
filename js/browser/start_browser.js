// Puts what browsers have besides into the realm when the runtime starts.
//
// The only module: every other file is a script that is loaded where it is
// first asked for, as deno_web's and deno_fetch's are.

import { core } from "ext:core/mod.js";

core.loadExtScript("ext:background_fetch_browser/browser.js");
