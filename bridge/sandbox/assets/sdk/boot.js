// The global of the real SDK, and the driver's hook beside it.

const SERVER = new URL(document.currentScript.src).href.replace(/\/sdk\/.*$/, "");
const homes = new Map();
let latest = null;

const driver = {
  incoming: (number = "13900001111") => Boolean(latest?.ring(String(number))),
  tokenExpired: () => latest?.expireToken(),
  remoteHangUp: () => latest?.over("The other side hung up", "customer"),
  dropConnection: ({ giveUp = false } = {}) => latest?.drop(giveUp),
  state: () =>
    latest && {
      status: latest.status,
      phase: latest.phase,
      online: latest.online,
      expired: latest.expired,
      renewals: latest.renewals,
      notice: latest.notice,
      accountName: latest.profile.accountName,
    },
};

async function signIn(line, agent) {
  try {
    const { instanceId, token } = line.config;
    if (!instanceId || !token) {
      throw new Error(`ConfigInvalid: config.${instanceId ? "token" : "instanceId"} is missing.`);
    }
    line.profile = await line.check(token);
  } catch (error) {
    line.notice = `Sign-in refused. ${error.message}`;
    line.redraw();
    line.guarded(line.props.onLoginError, error);
    return;
  }
  line.online = true;
  line.changed("Signed in, not taking calls yet");
  line.guarded(line.props.onClientOnline, clientOf(line));
  await pause(NETWORK_TAKES);
  line.changed();
  line.guarded(line.props.onAgentOnline, agent);
}

// Returns nothing: what the real one returns is not known, so nobody may rely on it.
function renderClient(home, props = {}) {
  if (!(home instanceof Element)) {
    throw new Error("renderClient: the first argument must be a DOM element.");
  }
  homes.get(home)?.leave();
  const line = new Line({ ...props.config }, props, SERVER);
  const agent = new AgentContext(line);
  latest = line;
  homes.set(home, new Panel(home, line, agent, driver));
  signIn(line, agent);
}

window.HotlineClientUi = { renderClient };
window.HotlineSandbox = driver;
