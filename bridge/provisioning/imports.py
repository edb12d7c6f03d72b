"""Imports that the console works off step by step, so that a restart, a second tab or a replica does no row twice."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import chain
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, func, insert, or_, select, update

from bridge.aiccs.skill_groups import SkillGroup
from bridge.connections.secrets import SealBroken
from bridge.core.contact_center_errors import RosterInvalid
from bridge.core.errors import ContactCenterError, ContactCenterUnreachable, PageUnknown
from bridge.core.wording import said
from bridge.provisioning.bulk import NEEDED, Ground, Step, Wishes, deletions, judged, needs_look_up, survey
from bridge.provisioning.carrying_out import Hands, Outcome
from bridge.provisioning.import_rows import Job, agent_import_rows, agent_imports, outcome_in, packed, row_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bridge.aiccs.contact_center import ContactCenterDesk
    from bridge.aiccs.instance import Instance
    from bridge.connections.rows import Entry
    from bridge.connections.secrets import KeyRing
    from bridge.db import Database
    from bridge.outbound import Outbound
    from bridge.provisioning.import_rows import Stage, State
    from bridge.provisioning.known_agents import KnownAgents
    from bridge.provisioning.roster_file import Row

KEPT_FOR: Final = 7 * 86_400
"""Seconds after which an import is forgotten."""
MOST_UNFINISHED: Final = 3
"""Imports of one connection that are not over; each may have as many rows as a file."""
PURPOSE: Final = "agent import"
_AT_ONCE: Final = 20
_LONGEST_STEP: Final = 2.0
_LONGEST_ROW: Final = 20.0
_CLAIMED_FOR: Final = 60.0
"""Seconds after which a row is another's; longer than any row may take."""
_CHUNK: Final = 500
_PAGE: Final = 200
_LONGEST_FILE: Final = 120
_WAIT: Final = 5
_MOMENT: Final = 1


@dataclass(frozen=True, slots=True)
class Advance:
    """How a step went.

    Args:
        code: of what kept it from going on; empty where nothing did.
        wait: seconds before going on makes sense.
        is_last: whether this very step brought the import to its end.
    """

    code: str = ""
    wait: int = 0
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class _Claim:
    position: int
    state: State
    owner: str
    record: dict[str, Any]


class Imports:
    """Keeps imports and works them off.

    Args:
        now: epoch seconds.
    """

    def __init__(
        self,
        *,
        database: Database,
        key_ring: KeyRing,
        desk: ContactCenterDesk,
        outbound: Outbound,
        known: KnownAgents,
        now: Callable[[], float],
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._desk = desk
        self._outbound = outbound
        self._known = known
        self._now = now

    def begin(
        self, entry: Entry, instance: Instance, rows: Sequence[Row], wishes: Wishes, *, author: str, file: str = ""
    ) -> str:
        """Keep an import and return its id; nothing is changed in the contact center.

        Where too many are unfinished, the oldest of those that nobody said yes to are dropped for it.

        Raises:
            RosterInvalid: too many are running, and as `survey`.
            ContactCenterError, ContactCenterUnreachable: as `survey`.
            StoreUnavailable: nothing is kept.
        """
        self._check_room(entry)
        ground = survey(self._desk, instance, rows, wishes)
        job_id, now = token_hex(16), self._now()
        outcomes = chain(
            ((_first(row, ground, wishes), row) for row in rows),
            ((_settled(step), None) for step in deletions(rows, ground, wishes)),
        )
        kept = [self._new(job_id, place, outcome, row) for place, (outcome, row) in enumerate(outcomes)]
        groups = [(group.id, group.name, group.display_name) for group in ground.groups]
        record = {
            "author": author,
            "file": file[:_LONGEST_FILE],
            "instance_id": instance.id,
            "wishes": asdict(wishes),
            "groups": groups,
        }
        sealed = self._seal(job_id, record)
        with self._database.transaction() as transaction:
            table = agent_imports.c
            old = transaction.execute(select(table.id).where(table.made_at < now - KEPT_FOR)).scalars().all()
            _forget(transaction, [*old, *_surplus(transaction, entry, now)])
            job = {"id": job_id, "connection": entry.name, "first_version": entry.first_version, "made_at": now}
            transaction.execute(insert(agent_imports).values(**job, stage="looking", sealed=sealed))
            for start in range(0, len(kept), _CHUNK):
                transaction.execute(insert(agent_import_rows), kept[start : start + _CHUNK])
        self._move(job_id, "looking", "asking")
        return job_id

    def job(self, entry: Entry, instance: Instance, job_id: str) -> Job:
        """Return an import of this very connection into this instance; raises PageUnknown, StoreUnavailable."""
        table = agent_imports
        with self._database.transaction() as transaction:
            row = transaction.execute(select(table).where(_of(entry), table.c.id == job_id)).first()
            counted = self._counted(transaction, job_id)
        found = row and self._job(row, counted)
        if not found or found.instance_id != instance.id:
            raise PageUnknown(expected="an import of the last seven days", received="another")
        return found

    def latest(self, entry: Entry) -> list[Job]:
        """Return the imports of a connection, the newest first; raises StoreUnavailable."""
        with self._database.transaction() as transaction:
            rows = transaction.execute(
                select(agent_imports).where(_of(entry)).order_by(agent_imports.c.made_at.desc()).limit(_AT_ONCE)
            ).all()
            jobs = [self._job(row, self._counted(transaction, row.id)) for row in rows]
        return [job for job in jobs if job is not None]

    def outcomes(self, job: Job, act: str = "", first: int = 0, count: int = _PAGE) -> list[Outcome]:
        """Return what became of rows, in the order of the file: those of one act, or all; raises StoreUnavailable."""
        table = agent_import_rows
        conditions = [table.c.import_id == job.id, *([table.c.act == act] if act else [])]
        with self._database.transaction() as transaction:
            found = transaction.execute(
                select(table.c.sealed).where(*conditions).order_by(table.c.position).limit(count).offset(first)
            ).scalars()
            return [outcome_in(self._open(job.id, sealed)) for sealed in found]

    def every(self, job: Job) -> Iterator[Outcome]:
        """Yield what became of all rows, a page of them in memory at a time; raises StoreUnavailable."""
        for first in range(0, job.rows, _PAGE):
            yield from self.outcomes(job, first=first)

    def start(self, job: Job) -> bool:
        """Let an import run that somebody said yes to; return whether it was waiting for that."""
        with self._database.transaction() as transaction:
            waiting = and_(agent_imports.c.id == job.id, agent_imports.c.stage == "asking")
            return bool(transaction.execute(update(agent_imports).where(waiting).values(stage="running")).rowcount)

    def stop(self, job: Job) -> bool:
        """Let an import wait for somebody's word again; return whether it ran. A step that is under way ends first."""
        with self._database.transaction() as transaction:
            running = and_(agent_imports.c.id == job.id, agent_imports.c.stage == "running")
            return bool(transaction.execute(update(agent_imports).where(running).values(stage="asking")).rowcount)

    def drop(self, job: Job) -> None:
        """Forget an import; what was done stays done."""
        with self._database.transaction() as transaction:
            _forget(transaction, [job.id])

    def advance(self, job: Job, instance: Instance) -> Advance:
        """Look up, or do, up to twenty rows in about two seconds.

        Raises:
            StoreUnavailable: the row that was sent stays begun, and is looked up before anything is sent again.
        """
        if job.stage not in {"looking", "running"}:
            return Advance()
        until, claim = time.monotonic() + _LONGEST_STEP, None
        for _ in range(_AT_ONCE):
            claim = self._claim(job)
            if claim is None:
                break
            with self._outbound.in_a_hurry(_LONGEST_ROW):
                code = self._look(job, instance, claim) if job.stage == "looking" else self._do(job, instance, claim)
            if code:
                return Advance(code, _WAIT)
            if time.monotonic() > until:
                break
        if job.stage == "looking":
            has_ended = self._move(job.id, "looking", "asking")
        else:
            has_ended = self._move(job.id, "running", "over")
        # Where others have all that is left, to come back at once would be in vain.
        wait = 0 if has_ended or claim is not None else _MOMENT
        return Advance(wait=wait, is_last=has_ended and job.stage == "running")

    # One row ----------------------------------------------------------------------------------------------------------

    def _look(self, job: Job, instance: Instance, claim: _Claim) -> str:
        row = row_in(claim.record)
        ground = Ground((), (SkillGroup(*group) for group in job.groups))
        try:
            step = judged(row, self._desk.agents.look_up(instance, row.account_name), ground, job.wishes)
        except ContactCenterError as refusal:
            why = said("the contact center would not tell of this account: %(code)s", code=refusal.received)
            step = Step(row.line, row.account_name, "faulty", why=why)
        except ContactCenterUnreachable as fault:
            self._note(job, claim, "unknown", Outcome(_unknown(row), "waiting"), row)
            return fault.code
        outcome = _settled(step)
        self._note(job, claim, "ready" if step.is_needed else "over", outcome)
        return ""

    def _do(self, job: Job, instance: Instance, claim: _Claim) -> str:
        was_begun = claim.state == "begun"
        hands = Hands(self._desk, instance, job.wishes, job.id)
        outcome = hands.perform(outcome_in(claim.record).step, is_unsettled=was_begun)
        if outcome.is_final:
            if outcome.result == "done":
                self._remember(job, outcome.step)
            self._note(job, claim, "over", outcome)
            return ""
        self._note(job, claim, "ready" if outcome.result == "waiting" else "begun", outcome)
        return outcome.code

    def _remember(self, job: Job, step: Step) -> None:
        """Let sign-ins that make agents know what was done on purpose."""
        if step.act == "delete":
            self._known.bar(job.connection, step.account_name)
        else:
            self._known.remember(job.connection, step.account_name)

    def _claim(self, job: Job) -> _Claim | None:
        """Take a row that nobody has, or whose owner is gone; None where there is none."""
        now, table, owner = self._now(), agent_import_rows, token_hex(16)
        wanted: Sequence[State] = ("unknown",) if job.stage == "looking" else ("ready", "begun")
        is_free = and_(
            table.c.import_id == job.id,
            table.c.state.in_(wanted),
            or_(table.c.owner == "", table.c.claimed_at < now - _CLAIMED_FOR),
        )
        after: State = "unknown" if job.stage == "looking" else "begun"
        with self._database.transaction() as transaction:
            found = transaction.execute(select(table).where(is_free).order_by(table.c.position).limit(_AT_ONCE)).all()
        for row in found:
            taking = and_(is_free, table.c.position == row.position, table.c.state == row.state)
            with self._database.transaction() as transaction:
                values = {"owner": owner, "claimed_at": now, "state": after}
                is_taken = transaction.execute(update(table).where(taking).values(**values)).rowcount
            if is_taken:
                return _Claim(row.position, row.state, owner, self._open(job.id, row.sealed))
        return None

    def _note(self, job: Job, claim: _Claim, state: State, outcome: Outcome, row: Row | None = None) -> None:
        """Write what came of a row and give it back; whoever took it over meanwhile knows better."""
        table = agent_import_rows
        own = and_(table.c.import_id == job.id, table.c.position == claim.position, table.c.owner == claim.owner)
        values = self._new(job.id, claim.position, outcome, row) | {"state": state}
        with self._database.transaction() as transaction:
            transaction.execute(update(table).where(own).values(**values))

    def _check_room(self, entry: Entry) -> None:
        """Raise RosterInvalid where so many run that dropping what waits would make no room."""
        young = agent_imports.c.made_at >= self._now() - KEPT_FOR
        running = select(func.count()).where(_of(entry), young, agent_imports.c.stage == "running")
        with self._database.transaction() as transaction:
            count = transaction.execute(running).scalar_one()
        if count >= MOST_UNFINISHED:
            raise RosterInvalid(expected=f"fewer than {MOST_UNFINISHED} imports that are running", received=f"{count}")

    # What is kept -----------------------------------------------------------------------------------------------------

    def _move(self, job_id: str, stage: Stage, following: Stage) -> bool:
        """Let an import come to its next stage where no row is left for this one; return whether it did now."""
        states = ("unknown",) if stage == "looking" else ("ready", "begun")
        rows = agent_import_rows
        left = select(rows.c.position).where(rows.c.import_id == job_id, rows.c.state.in_(states)).exists()
        here = and_(agent_imports.c.id == job_id, agent_imports.c.stage == stage, ~left)
        with self._database.transaction() as transaction:
            return bool(transaction.execute(update(agent_imports).where(here).values(stage=following)).rowcount)

    def _new(self, job_id: str, position: int, outcome: Outcome, row: Row | None) -> dict[str, Any]:
        step = outcome.step
        state: State = "over"
        if outcome.result == "waiting":
            state = "ready" if step.act in NEEDED else "unknown"
        return {
            "import_id": job_id,
            "position": position,
            "state": state,
            "act": step.act if state != "unknown" else "",
            "result": outcome.result,
            "owner": "",
            "claimed_at": 0.0,
            "sealed": self._seal(job_id, packed(outcome, row if state == "unknown" else None)),
        }

    def _counted(self, transaction: Any, job_id: str) -> Counter[tuple[str, str, str]]:
        table = agent_import_rows
        kinds = (table.c.state, table.c.act, table.c.result)
        counted = transaction.execute(
            select(*kinds, func.count()).where(table.c.import_id == job_id).group_by(*kinds)
        ).all()
        return Counter({(state, act, result): count for state, act, result, count in counted})

    def _job(self, row: Any, counted: Counter[tuple[str, str, str]]) -> Job | None:
        try:
            record = self._open(row.id, row.sealed)
        except SealBroken:
            return None  # sealed by a key that is gone
        groups = tuple((group_id, name, display) for group_id, name, display in record["groups"])
        wishes = Wishes(**record["wishes"])
        return Job(
            id=row.id,
            connection=row.connection,
            instance_id=record["instance_id"],
            stage=row.stage,
            made_at=row.made_at,
            author=record["author"],
            file=record.get("file", ""),
            wishes=wishes,
            groups=groups,
            counts=counted,
        )

    def _seal(self, job_id: str, record: dict[str, Any]) -> str:
        return self._key_ring.seal(PURPOSE, record | {"import": job_id})

    def _open(self, job_id: str, sealed: str) -> dict[str, Any]:
        record = self._key_ring.open(PURPOSE, sealed)
        if record["import"] != job_id:
            raise SealBroken(PURPOSE)  # a row of another import, put there by somebody else
        return record


def _surplus(transaction: Any, entry: Entry, now: float) -> Sequence[str]:
    """Return the ids of imports nobody said yes to, the oldest of them, that leave room for one more."""
    unfinished = (_of(entry), agent_imports.c.made_at >= now - KEPT_FOR, agent_imports.c.stage != "over")
    newest_first = select(agent_imports.c.id, agent_imports.c.stage).where(*unfinished)
    found = transaction.execute(newest_first.order_by(agent_imports.c.made_at.desc(), agent_imports.c.id)).all()
    running = sum(stage == "running" for _, stage in found)
    waiting = [job_id for job_id, stage in found if stage != "running"]
    return waiting[max(MOST_UNFINISHED - 1 - running, 0) :]


def _forget(transaction: Any, job_ids: Sequence[str]) -> None:
    transaction.execute(delete(agent_import_rows).where(agent_import_rows.c.import_id.in_(job_ids)))
    transaction.execute(delete(agent_imports).where(agent_imports.c.id.in_(job_ids)))


def _of(entry: Entry) -> Any:
    return and_(agent_imports.c.connection == entry.name, agent_imports.c.first_version == entry.first_version)


def _first(row: Row, ground: Ground, wishes: Wishes) -> Outcome:
    """Return what is known of a row before anybody is asked about it by itself."""
    if needs_look_up(row, ground):
        return Outcome(_unknown(row), "waiting")
    return _settled(judged(row, ground.agents.get(row.account_name), ground, wishes))


def _unknown(row: Row) -> Step:
    return Step(row.line, row.account_name, "unchanged")


def _settled(step: Step) -> Outcome:
    """Return the outcome of a row that was judged and not done."""
    return Outcome(step, "waiting") if step.is_needed else Outcome(step, "skipped", step.act)
