"""The peer mod_auth_openidc, with its sessions in Redis, in an Apache of our own that no service manager knows."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from tests.bench.installing import installed, output_of
from tests.bench.processes import LOCALHOST, free_port, running, wait_until_listening
from tests.bench.upstream import CLIENT_ID, CLIENT_SECRET
from tests.bench.world import THREADS, NotHere, Party, World

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

APACHE: Final = "mod_auth_openidc"
_PACKAGES: Final = ("apache2-bin", "libapache2-mod-auth-openidc")
_MODULES: Final = ("mpm_event", "authn_core", "authz_core", "authz_user", "dir", "env", "include", "mime", "filter")
_SSI: Final = '<!--#echo var="OIDC_CLAIM_email" -->'
_PAGES: Final = {
    "softphone.shtml": f"<!doctype html><title>Phone</title><p>Signed in as {_SSI}.</p>",
    "session.shtml": f'{{"account_name": "{_SSI}"}}',
}


def apache(world: World, stack: ExitStack) -> list[Party]:
    """Start it; a sign-in departs at the page, which is protected."""
    root = installed("apache", " ".join(_PACKAGES), _install)
    port, name = free_port(), "apache"
    folder = world.folder / name
    pages = folder / "pages"
    pages.mkdir(parents=True)
    for page, text in _PAGES.items():
        (pages / page).write_text(text, "utf-8")
    configuration = folder / "apache.conf"
    configuration.write_text(_configuration(world, root, folder, port), "utf-8")
    libraries = ":".join(str(found) for found in root.glob("usr/lib/*-linux-*"))
    command = [str(root / "usr/sbin/apache2"), "-DFOREGROUND", "-f", str(configuration)]
    environment = world.environment(LD_LIBRARY_PATH=libraries)
    server = stack.enter_context(running(name, command, folder, environment))
    wait_until_listening(server, port)
    return [Party(f"{APACHE}, Redis", server, port, "/softphone.shtml", "/session.shtml")]


def _configuration(world: World, root: Path, folder: Path, port: int) -> str:
    modules = root / "usr/lib/apache2/modules"
    loaded = [f"LoadModule {name}_module {modules}/mod_{name}.so" for name in _MODULES]
    redis = world.redis.removeprefix("redis://").removesuffix("/0")
    settings = f"""\
LoadModule auth_openidc_module {modules}/mod_auth_openidc.so
ServerName {LOCALHOST}
Listen {LOCALHOST}:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder}
ErrorLog {folder}/apache.log
TypesConfig /dev/null
StartServers 1
ServerLimit 1
ThreadsPerChild {THREADS}
MaxRequestWorkers {THREADS}
MinSpareThreads 1
MaxSpareThreads {THREADS}
KeepAlive On
MaxKeepAliveRequests 0
DocumentRoot {folder}/pages
AddType text/html .shtml
AddOutputFilter INCLUDES .shtml
OIDCProviderMetadataURL {world.issuer}/.well-known/openid-configuration
OIDCCABundlePath {world.bundle}
OIDCClientID {CLIENT_ID}
OIDCClientSecret {CLIENT_SECRET}
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRedirectURI http://{LOCALHOST}:{port}/callback
OIDCCryptoPassphrase "a secret of the benchmark, of no use elsewhere"
OIDCScope "openid profile email offline_access"
OIDCPKCEMethod S256
OIDCCacheType redis
OIDCRedisCacheServer {redis}
OIDCSessionType server-cache
OIDCPassClaimsAs environment
<Location />
  Options +Includes
  AuthType openid-connect
  Require valid-user
</Location>
"""
    return "\n".join([*loaded, settings])


def _install(folder: Path) -> None:
    """Fetch and unpack the packages and what they need of what is not on this machine."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotHere("this is no Debian")
    planned = output_of(["apt-get", "install", "--simulate", "--no-install-recommends", *_PACKAGES], folder)
    wanted = {line.split()[1] for line in planned.splitlines() if line.startswith("Inst ")}
    output_of(["apt-get", "download", *sorted(wanted | set(_PACKAGES))], folder)
    for package in folder.glob("*.deb"):
        output_of(["dpkg-deb", "--extract", str(package), str(folder)], folder)
