"""The web application: /v1 for programs, pages for people, /healthz."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles

from registry import Registry
from settings import Settings
from web import entrance, faults, metrics, webhooks
from web.chatting import Chatting
from web.cors import ApiCors
from web.gate import Gate
from web.guard import LOOPBACK, Guard
from web.pages import chat, model, new, panel, profile
from web.pages.rendering import compile_templates
from web.plans import read_plans
from web.runner import Runner
from web.session import Door
from web.v1 import api
from web.work import Work
from web.workshop import Workshop

HERE = Path(__file__).parent
PAGES = (panel, new, model, chat, profile)
UPLOAD_PATHS = ("/v1/files", "/v1/uploads", "/new")


def create_app(settings: Settings, host: str = "127.0.0.1", runs: bool = True) -> FastAPI:
    """`host` is what the server listens on; `runs`: whether this process carries out what is asked for."""
    registry, plans = Registry(**settings.registry_arguments), read_plans(settings.plans_file)
    runner = Runner(settings, registry)
    shop = Workshop(
        settings=settings,
        registry=registry,
        plans=plans,
        work=Work(settings, registry, plans, runner),
        chatting=Chatting(settings, registry, plans),
        door=Door(settings, registry, single_owner=host in LOOPBACK),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warm_up(shop)
        if runs:
            runner.start()
        yield
        await shop.chatting.close()
        if runs:
            runner.close()
        registry.close()

    app = FastAPI(
        title="Luthier",
        summary="Fine-tuning and chat over all fine-tuned models, wherever they run.",
        description="The calls of OpenAI's API that fine-tuning needs, for the same SDKs.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=faults.DOCUMENT,
        lifespan=lifespan,
    )
    app.state.workshop = shop
    faults.install(app)
    app.include_router(api)
    app.include_router(entrance.router)
    app.include_router(webhooks.router)
    add_pages(app)

    @app.get("/healthz", include_in_schema=False)
    def healthz() -> Response:
        """Whether the registry answers."""
        registry.owner()
        return Response("ok\n", media_type="text/plain")

    app.add_middleware(Gate, door=shop.door)
    metrics.install(app, registry)
    app.add_middleware(ApiCors)
    # outermost: what is added last is asked first
    app.add_middleware(
        Guard,
        hosts=hosts(settings, host),
        upload_bytes=settings.upload_bytes,
        upload_paths=UPLOAD_PATHS,
    )
    return app


def add_pages(app: FastAPI) -> None:
    for one in PAGES:
        app.include_router(one.router)
    app.mount("/static", StaticFiles(directory=HERE / "static"))


def warm_up(shop: Workshop) -> None:
    """Done before the first person waits for it: the owner's models are read, the templates compiled."""
    shop.work.cards(shop.registry.owner())
    compile_templates()


def hosts(settings: Settings, host: str) -> frozenset[str] | None:
    """The names that the server answers to: on loopback its own only, against DNS rebinding."""
    if host not in LOOPBACK and host != "::1":
        return None
    public = urlsplit(settings.public_url).hostname
    return LOOPBACK | ({public} if public else frozenset())
