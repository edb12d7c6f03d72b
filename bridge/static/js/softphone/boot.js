/** The phone page's road: read the page, load the vendor's phone, fetch the token, start, and stay signed in. */

import { checkBrowser } from "./browser.js";
import { guardCalls } from "./guard.js";
import { keepSignedIn, lookNow } from "./keeper.js";
import { watchMicrophone } from "./microphone.js";
import { notice } from "./notices.js";
import { boot, say } from "./page.js";
import { watchSignOut } from "./signout.js";
import { start } from "./start.js";
import { drawDesk, drawUntil } from "./view.js";
import { isSecondWindow, shareCalls, shareSession } from "./windows.js";

async function warnOfSecondWindow() {
  if (await isSecondWindow()) notice("second-window", say("second_window"));
}

document.documentElement.dataset.started = "";
drawDesk();
drawUntil(boot.session_expires_at);
guardCalls();
shareCalls();
checkBrowser();
keepSignedIn();
watchMicrophone();
const tell = shareSession(lookNow);
watchSignOut(tell);
warnOfSecondWindow();
start();
tell();
