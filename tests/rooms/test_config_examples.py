"""The examples in config/: their tools take them, and what they say of the bridge is true."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy.pool import QueuePool

from bridge import __version__, cli, db, serving
from bridge.settings import load

CONFIG = Path(__file__).parents[2] / "config"
NAME = "phone.example.com"
STORES = {"database_url": "sqlite:///bridge.db", "redis_url": "redis://localhost"}
VERIFY = shutil.which("systemd-analyze")


def toml_of(text: str, folder: Path) -> Any:
    """Read a configuration that stands inside another file, with what it names beside it."""
    for name in ("secret_key", "database_url", "redis_url"):
        (folder / name).write_text(STORES.get(name, "k" * 40), "utf-8")
    path = folder / "bridge.toml"
    path.write_text(re.sub(r"/run/(secrets|credentials)/[^/\"]+", str(folder), text), "utf-8")
    return load(path, {})


# systemd --------------------------------------------------------------------------------------------------------------


def unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", (CONFIG / "bridge.service").read_text("utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.skipif(not VERIFY, reason="systemd-analyze is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "hotline-bridge"
    program.touch(0o755)
    text = (
        (CONFIG / "bridge.service").read_text("utf-8").replace("/opt/hotline-bridge/bin/hotline-bridge", str(program))
    )
    (tmp_path / "hotline-bridge.service").write_text(text.replace("Documentation=", "#"), "utf-8")
    done = subprocess.run(
        [str(VERIFY), "verify", "--man=no", str(tmp_path / "hotline-bridge.service")],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if "hotline-bridge" in line]
    assert (done.returncode, told) == (0, [])


def test_the_unit_says_of_the_bridge_what_is_so(tmp_path: Path) -> None:
    found = unit()
    check, reload = found["ExecReload"]
    assert reload == "/bin/kill -HUP $MAINPID", "only where the check before it has ended well"
    assert check == f"+/usr/bin/nsenter --target $MAINPID --mount {found['ExecStartPre'][0]}"
    for line in found["ExecStart"] + found["ExecStartPre"]:
        _, command, *options = line.split()
        assert command in cli.main.commands
        known = {name for option in cli.main.commands[command].params for name in option.opts}
        assert {option for option in options if option.startswith("--")} <= known
    assert found["Type"] == ["notify"]
    assert found["KillMode"] == ["mixed"], "or the workers would hear SIGTERM before the drain"
    drain = 20
    assert f"at most {drain} seconds here" in (CONFIG / "bridge.service").read_text("utf-8")
    assert int(found["TimeoutStopSec"][0]) > drain + serving.SECONDS_TO_FINISH
    assert int(found["TimeoutStartSec"][0]) > serving.SECONDS_TO_BE_READY
    assert int(found["LimitNOFILE"][0]) > serving._CONNECTIONS
    text = (CONFIG / "bridge.service").read_text("utf-8")
    head = "\n".join(line[4:] for line in text.splitlines() if re.match(r"#   \w+ = ", line))
    secrets = toml_of(f'public_url = "https://{NAME}"\n' + head.replace("database =", "[store]\ndatabase ="), tmp_path)
    assert secrets.store.database == STORES["database_url"]
    credentials = {value.split(":")[0] for value in found["LoadCredential"]}
    assert set(re.findall(r"/run/credentials/hotline-bridge\.service/(\w+)", text)) == credentials


# containers -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    made = yaml.safe_load_all((CONFIG / "kubernetes.example.yaml").read_text("utf-8"))
    return {one["kind"]: one for one in made}


def test_the_manifest_says_of_the_bridge_what_is_so(objects: dict[str, Any], tmp_path: Path) -> None:
    settings = toml_of(objects["ConfigMap"]["data"]["bridge.toml"], tmp_path)
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": settings.server.port, "ops": settings.server.ops_address[1]}
    probes = {kind: container[kind]["httpGet"] for kind in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert probes == {
        "startupProbe": {"path": "/readyz", "port": "ops"},
        "readinessProbe": {"path": "/readyz", "port": "ops"},
        "livenessProbe": {"path": "/healthz", "port": "ops"},
    }
    assert container["readinessProbe"]["timeoutSeconds"] > 2, "/readyz takes up to two seconds"
    patience = container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
    assert patience >= 30, "a short outage of Redis must not empty the Service"
    assert settings.server.drain >= 10, "so long the Service may take to be without a pod everywhere"
    assert pod["terminationGracePeriodSeconds"] > settings.server.drain + serving.SECONDS_TO_FINISH
    each = db._engine("postgresql+psycopg://localhost/bridge").pool
    assert isinstance(each, QueuePool)
    connections = each.size() + each._max_overflow
    replicas = objects["Deployment"]["spec"]["replicas"] + 1
    told = (CONFIG / "kubernetes.example.yaml").read_text("utf-8")
    assert f"at least {connections} * workers * (replicas + 1)" in told
    assert f"here {connections * settings.server.workers * replicas}." in told
    assert container["args"][0] in cli.main.commands
    assert container["image"].endswith(f":{__version__}")
    assert set(objects["Secret"]["stringData"]) == {"secret_key", "database_url", "redis_url"}


def test_the_manifest_lets_only_the_ingress_controller_in_and_only_monitoring_to_the_metrics(
    objects: dict[str, Any],
) -> None:
    policy, labels = objects["NetworkPolicy"]["spec"], objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert (policy["podSelector"]["matchLabels"], policy["policyTypes"]) == (labels, ["Ingress"])
    allowed = {
        rule["ports"][0]["port"]: [set(one["namespaceSelector"]["matchLabels"].values()) for one in rule["from"]]
        for rule in policy["ingress"]
    }
    assert allowed == {"http": [{"ingress-nginx"}], "ops": [{"monitoring"}]}


def test_the_manifest_grants_nothing_and_lets_one_replica_go_at_a_time(objects: dict[str, Any]) -> None:
    spec = objects["Deployment"]["spec"]
    pod, (container,) = spec["template"]["spec"], spec["template"]["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert objects["PodDisruptionBudget"]["spec"]["minAvailable"] == spec["replicas"] - 1
    labels = spec["template"]["metadata"]["labels"]
    selectors = (
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    )
    assert selectors == (labels, labels)
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}


def test_the_container_is_built_from_what_is_there_and_runs_as_nobody() -> None:
    text = (CONFIG / "Containerfile").read_text("utf-8")
    assert (CONFIG.parent / "requirements.lock").exists()
    assert "--require-hashes --requirement requirements.lock" in text
    *_, last = re.split(r"^FROM ", text, flags=re.MULTILINE)
    assert re.search(r"^USER (\d+):\1$", last, re.MULTILINE)
    assert "BRIDGE_CONFIG" in last
    (command,) = re.findall(r'^CMD \["(\w+)"\]', last, re.MULTILINE)
    assert command in cli.main.commands
    assert "RUN pip install" not in last


def test_the_container_is_built_by_what_the_lock_names() -> None:
    found = re.search(r"^RUN (sed .*) >/tmp/build\.lock", (CONFIG / "Containerfile").read_text("utf-8"), re.MULTILINE)
    assert found
    told = subprocess.run(shlex.split(found[1]), cwd=CONFIG.parent, capture_output=True, encoding="utf-8", check=True)
    locked = re.findall(r"^([a-z-]+)==\S+ \\\n    --hash=sha256:", told.stdout, re.MULTILINE)
    needed = {"hatchling"} | {re.split(r"[^a-z-]", one)[0] for one in metadata.requires("hatchling") or ()}
    assert set(locked) >= needed - {"tomli"}, "tomli is for Python 3.10"
