"""``python -m tests.structure.audit``: known vulnerabilities, careless code, secrets in the tree; exit 1 on any."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).parents[2]
LOCKS: Final = (ROOT / "requirements-dev.lock", ROOT / "tests/fuzz/atheris.lock")
"""The first has all of requirements.lock in it."""
ADVISORIES: Final = Path(__file__).with_name("advisories.toml")
_PINNED: Final = re.compile(r"^([a-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_FINDING: Final = re.compile(r"(?P<path>bridge/\S+):(?P<line>\d+) B(?P<rule>\d+) .*")
_PATIENCE: Final = 60
# Those that know a secret by its look. The others call whatever is long and random one, and tests invent much of that.
_DETECTORS: Final = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
)
_ALLOWED: Final = "detect_secrets.filters.allowlist.is_line_allowlisted"
"""A line may say of itself that it holds none: ``pragma: allowlist secret``."""
_OURS: Final = {
    "API key of a bridge": re.compile(r"hlb_[0-9a-f]{12}_[0-9a-f]{64}"),
    "Alibaba Cloud access key id": re.compile(r"\bLTAI[0-9A-Za-z]{12,20}\b"),
}
_MARK: Final = "pragma: allowlist secret"
_NO_MARKS: Final = ROOT / "tests/fixtures/releases"
"""What former releases wrote, keys of invented bridges among it: JSON, which has no room for a mark."""
_NO_TEXT: Final = frozenset({".lock", ".mo", ".png", ".woff2", ".wav"})


def main() -> int:
    """Run the three at once and tell what they found."""
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(audit) for audit in (_vulnerabilities, _careless_code, _secrets_in_tree)]
        told = [one.result() for one in running]
    for notes, _ in told:
        sys.stdout.write("".join(f"{note}\n" for note in notes))
    faults = [fault for _, found in told for fault in found]
    sys.stdout.write("".join(f"fault: {fault}\n" for fault in faults))
    return 1 if faults else 0


def _vulnerabilities() -> tuple[list[str], list[str]]:
    locked = {name: version for lock in LOCKS for name, version in _PINNED.findall(lock.read_text("utf-8"))}
    found = _asked_service()
    if found is not None:
        return [f"Vulnerabilities: {len(locked)} locked packages, as the advisory service knows them."], found
    kept = tomllib.loads(ADVISORIES.read_text("utf-8"))
    note = (
        f"Vulnerabilities: no advisory service can be asked from here; against the list of {kept['asked']} instead, "
        f"which has faults of {len(locked.keys() & kept['mended'].keys())} of the {len(locked)} locked packages."
    )
    return [note], sorted(too_old(locked, kept["mended"]))


def _asked_service() -> list[str] | None:
    locks = [word for lock in LOCKS for word in ("-r", str(lock))]
    command = ["pip_audit", *locks, "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        return faults_told(_run(command, _PATIENCE).stdout)
    except subprocess.TimeoutExpired:
        return None


def faults_told(answer: str) -> list[str] | None:
    """Return what pip-audit found, None where its service knows none of the packages or does not answer.

    Args:
        answer: its JSON.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return None
    known = [one for one in packages if "vulns" in one]
    faults = [f"{one['name']} {one['version']}: {fault['id']}" for one in known for fault in one["vulns"]]
    return faults if known else None


def too_old(locked: dict[str, str], mended: dict[str, dict[str, object]]) -> Iterator[str]:
    """Tell which locked versions are older than the one that mended a known fault."""
    for name, entry in mended.items():
        if name in locked and Version(locked[name]) < Version(str(entry["in"])):
            yield f"{name} {locked[name]} is older than {entry['in']}: {entry['advisories']}"


def _careless_code() -> tuple[list[str], list[str]]:
    template = "{relpath}:{line} {test_id} {msg}"
    done = _run(["bandit", "--quiet", "-r", "bridge", "-ll", "--format", "custom", "--msg-template", template], 300)
    rows = [row for line in done.stdout.splitlines() if (row := _FINDING.match(line))]
    if not rows and done.returncode:
        return [], [f"bandit: {done.stderr.strip() or done.stdout.strip()}"]
    found = [row[0] for row in rows if not _is_answered(row)]
    return [f"Careless code: bridge/, by bandit's rules; {len(rows) - len(found)} places say why they are good."], found


def _is_answered(row: re.Match[str]) -> bool:
    """Say whether the line gives its reason to ruff already, which has the same rules under S."""
    line = (ROOT / row["path"]).read_text("utf-8").splitlines()[int(row["line"]) - 1]
    return f"noqa: S{row['rule']}" in line


def _secrets_in_tree() -> tuple[list[str], list[str]]:
    files = [path for path in tree(ROOT) if path.suffix not in _NO_TEXT]
    return [f"Secrets: {len(files)} files of the tree."], sorted(secrets_in(files))


def tree(root: Path) -> list[Path]:
    """Return the files of a checkout, also those that nobody has added yet; not what .gitignore names."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for name in names.split("\0") if name and (path := root / name).is_file()]


def secrets_in(files: Iterable[Path]) -> Iterator[str]:
    """Tell where something looks like a secret; what it is stays untold."""
    wanted = {"plugins_used": [{"name": name} for name in _DETECTORS], "filters_used": [{"path": _ALLOWED}]}
    with transient_settings(wanted):
        for file in files:
            for secret in scan_file(str(file)):
                yield f"{file}:{secret.line_number} {secret.type}"
            yield from _of_our_own(file)


def _of_our_own(file: Path) -> Iterator[str]:
    if file.is_relative_to(_NO_MARKS):
        return
    for number, line in enumerate(file.read_text("utf-8", errors="replace").splitlines(), 1):
        if _MARK not in line:
            yield from (f"{file}:{number} {kind}" for kind, look in _OURS.items() if look.search(line))


def _run(command: list[str], patience: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=patience
    )


if __name__ == "__main__":
    sys.exit(main())
