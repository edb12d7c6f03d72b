/** The phone page's road: read the page, load the vendor's phone, fetch the token, start, and stay signed in. */

import { restoreFragment } from "../fragment.js";
import { checkBrowser } from "./browser.js";
import { tell } from "./channel.js";
import { guardCalls } from "./guard.js";
import { watchMicrophone } from "./microphone.js";
import { notice } from "./notices.js";
import { showOwnCalls } from "./own_calls.js";
import { boot, say } from "./page.js";
import { watchSignOut } from "./signout.js";
import { start } from "./start.js";
import { drawDesk, drawUntil } from "./view.js";
import { keepSignedIn } from "./watch.js";
import { isSecondWindow, shareCalls } from "./windows.js";

async function warnOfSecondWindow() {
  if (await isSecondWindow()) notice("second-window", say("second_window"));
}

document.documentElement.dataset.started = "";
restoreFragment();
drawDesk();
drawUntil(boot.signed_in_until);
guardCalls();
shareCalls();
checkBrowser();
keepSignedIn();
watchMicrophone();
watchSignOut();
showOwnCalls();
warnOfSecondWindow();
start();
tell("look");
