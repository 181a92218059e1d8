// Puts what tests expect of a browser, and this project's realms lack, on the
// global object.

import { core } from "ext:core/mod.js";

core.loadExtScript("ext:wpt_host/host.js");
