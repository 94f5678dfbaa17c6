"""The writes to the search index: complete before they are seen, and fenced.

A result is indexed as a *generation*, whose number no other has. Its row under the video is written
first, then its pages, then one member a term. It is seen once the video's head names it, which is
one conditional write that an older attempt loses. What is then left over of earlier generations is
removed. A row has a lease until that is done, so that the janitor finds what a crash has left.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pipeline.aws.catalog.runs import overdue
from pipeline.aws.catalog.search_generations import (
    Generation,
    change_terms,
    generations,
    lease,
    row_key,
)
from pipeline.aws.catalog.search_names import SearchNames
from pipeline.aws.catalog.search_rows import (
    COUNTER,
    NUMBER,
    attribute,
    page_sk,
    shown,
    video_pk,
)
from pipeline.aws.catalog.table import ConditionFailed, Table, partition
from pipeline.core.errors import LeaseLost
from pipeline.core.search import pages
from pipeline.core.search.pages import Packed

_AT_ONCE = 8  # terms of one video, which are on different rows


class SearchWrites:
    """The writes to the search index in the catalog's table.

    Args:
        table: the catalog's table.
        at_once: writes at once.

    Attributes:
        names: the names of videos.
    """

    def __init__(self, table: Table, *, at_once: int = _AT_ONCE) -> None:
        self._table = table
        self._at_once = at_once
        self.names = SearchNames(table, at_once=at_once)
        self._languages: set[str] = set()  # of speech, which the table has

    def date(self, number: int, *, uploaded: str) -> None:
        """Record when a video was uploaded last."""
        with suppress(ConditionFailed):
            self._table.update(
                video_pk(number),
                "head",
                set={"uploaded": uploaded},
                condition="attribute_exists(#pk) AND #uploaded < :uploaded",
                given={"uploaded": uploaded},
            )

    def begin(
        self,
        video_id: str,
        stage: str,
        fingerprint: str,
        *,
        attempt: int,
        about: Mapping[str, Any] | None,
    ) -> Generation | None:
        """Return the generation of a result: a complete one of the same result, or a new one.

        Args:
            video_id: the video.
            stage: that made the result.
            fingerprint: of the result.
            attempt: of its run.
            about: what the head has of it, if it has no pages: it is complete at once then.

        Returns:
            None if the video's name is not indexed.
        """
        # A number that is taken and not used leaves a gap, which costs nothing.
        try:
            row = self._table.count(video_id, NUMBER, "generation", having="named")
        except ConditionFailed:
            return None
        number, generation = int(row["number"]), int(row["generation"])
        # Before its first attempt a run has no result. What a crash of it left has a lease.
        for one in self.all(video_id) if attempt > 1 else ():
            if (one.stage, one.fingerprint) == (stage, fingerprint) and one.complete:
                with suppress(ConditionFailed):
                    self._mark(one, attempt=attempt, condition="#state = :state", state="complete")
                    return one._replace(attempt=attempt)
        one = Generation(
            *(video_id, stage, number, generation, fingerprint, attempt),
            complete=about is not None,
            overdue=False,
            about=dict(about or {}),
        )
        self._table.update(
            *row_key(one),
            set={
                "stage": stage,
                "number": number,
                "generation": generation,
                "fingerprint": fingerprint,
                "attempt": attempt,
                "state": "complete" if one.complete else "writing",
                "about": one.about,
                **lease(video_id),
            },
        )
        return one

    def fill(self, one: Generation, packed: Packed, about: Mapping[str, Any]) -> None:
        """Write a generation's pages and terms; it is complete then.

        Raises:
            LeaseLost: it was removed meanwhile, because its writer was taken for dead.
        """
        pk = video_pk(one.number)
        self._table.write(
            puts=(
                {"pk": pk, "sk": page_sk(one.generation, name), "page": page}
                for name, page in packed.pages.items()
            )
        )
        for language in {*about.get("languages", ())} - self._languages:
            self._table.add_to_set(*COUNTER, "languages", language)
            self._languages.add(language)
        change_terms(
            self._table.add_to_set, one.number, one.generation, packed.terms, at_once=self._at_once
        )
        try:
            self._mark(
                one,
                attempt=one.attempt,
                condition="#state = :state",
                state="writing",
                more={"state": "complete", "about": {**about, "size": packed.size}},
            )
        except ConditionFailed as error:
            self.forget(one)
            raise LeaseLost from error

    def show(self, one: Generation, *, attempt: int, revision: str) -> dict[str, Any] | None:
        """Let queries find a complete generation, in place of the one before it.

        Returns:
            the head as it was; None if a later attempt's is shown, or the video was deleted.
        """
        name = attribute(one.stage)
        fence = f"{name}_attempt"
        about = {**one.about, "generation": one.generation, "revision": revision}
        try:
            return self._table.update(
                video_pk(one.number),
                "head",
                set={name: json.dumps(about), fence: attempt},
                condition=(
                    f"attribute_exists(#video_id) AND "
                    f"( attribute_not_exists(#{fence}) OR #{fence} <= :attempt )"
                ),
                given={"attempt": attempt},
                former=True,
            )
        except ConditionFailed:
            return None

    def all(self, video_id: str) -> list[Generation]:
        """Return the generations of a video, the oldest first."""
        return generations(self._table, video_id)

    def overdue(self) -> list[str]:
        """Return the videos of which a writer has died, or has left something."""
        rows = overdue(self._table, before=time.time())
        return sorted({row["pk"] for row in rows if row["sk"].startswith(f"{NUMBER}#")})

    def shown_of(self, number: int, stage: str) -> dict[str, Any] | None:
        """Return what queries find of a stage of a video."""
        return shown(self._table.get(video_pk(number), "head") or {}, stage)

    def settle(self, video_id: str, number: int, stage: str) -> bool:
        """Remove what a stage's shown generation replaces, and what writers that died have left.

        Returns:
            False if the shown generation was removed meanwhile and has to be written again.
        """
        head = self._table.get(video_pk(number), "head") or {}
        found = False
        for one in self.all(video_id):
            now = shown(head, one.stage)
            if now and now["generation"] == one.generation and one.complete:
                found = found or one.stage == stage
                self.release(one)
            elif one.overdue:
                self.forget(one)
        return found or not shown(head, stage)

    def forget(self, one: Generation) -> None:
        """Remove a generation. Its row is the last to go, so that a crash leaves it findable."""
        with suppress(ConditionFailed):
            self._mark(
                one,
                attempt=one.attempt,
                condition="attribute_exists(#pk)",
                more={"state": "leaving"},
            )
        pk, start = video_pk(one.number), page_sk(one.generation, "")
        here = partition("pk", pk, prefix=start)
        rows = list(self._table.query(KeyConditionExpression=here, ConsistentRead=True))
        terms = {
            term
            for row in rows
            for term in pages.terms(row["sk"].removeprefix(start), bytes(row["page"]))
        }
        change_terms(
            self._table.take_from_set, one.number, one.generation, terms, at_once=self._at_once
        )
        self._table.write(deletes=rows)
        self._table.write(deletes=[dict(zip(("pk", "sk"), row_key(one), strict=True))])

    def forget_video(self, video_id: str) -> None:
        """Remove a deleted video from the index, its head first.

        What a living worker writes now is left to it, and else to the janitor.
        """
        row = self._table.get(video_id, NUMBER)
        if row is None:
            return
        self.names.unname(int(row["number"]), row["words"])
        known = self.all(video_id)
        left = [one for one in known if not (one.complete or one.overdue)]
        for one in known:
            if one not in left:
                self.forget(one)
        if not left:
            self._table.write(deletes=[{"pk": video_id, "sk": NUMBER}])
            return
        with suppress(ConditionFailed):  # its name is indexed again if it is uploaded again
            self._table.update(
                *(video_id, NUMBER),
                set={"words": row["words"]},
                remove=("named",),
                condition="attribute_exists(#number)",
            )

    def release(self, one: Generation) -> bool:
        """End the lease of a generation that is shown; return False if it was removed."""
        try:
            self._table.update(
                *row_key(one),
                set={"state": "complete"},
                remove=("lease_shard", "lease_until"),
                condition="#state = :state",
                given={"state": "complete"},
            )
        except ConditionFailed:
            return False
        return True

    def _mark(
        self,
        one: Generation,
        *,
        attempt: int,
        condition: str,
        state: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self._table.update(
            *row_key(one),
            set={"attempt": attempt, **lease(one.video_id), **(more or {})},
            condition=condition,
            given={"state": state} if state else {},
        )
