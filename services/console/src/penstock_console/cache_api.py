"""The path of what may be forgotten."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query

from penstock_console import views
from penstock_console.forgetting import CacheDesk


def add_cache(app: FastAPI, desk: CacheDesk, who: object) -> None:
    name = Annotated[str, Query(max_length=500)]

    @app.delete("/workflow-queue/cache", summary="Forget the configurations kept of an organisation or a repository")
    async def forget(
        actor: Annotated[str, Depends(who)], *, organisation: name = "", repository: name = ""
    ) -> views.ForgottenEntries:
        if bool(organisation) is bool(repository):
            raise HTTPException(422, "name an organisation or a repository")
        gone = await desk.forget(actor, organisation=organisation, repository=repository)
        return views.ForgottenEntries(organisation=organisation, repository=repository, entries=gone, actor=actor)
