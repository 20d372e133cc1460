"""The whole stand-in: two ports, one courier, one file."""

from stripe_stand_in.api import Api
from stripe_stand_in.client import Control
from stripe_stand_in.control import Controls, Dashboard, Network
from stripe_stand_in.control_panel import ControlPanel
from stripe_stand_in.hosted_page import HostedPage
from stripe_stand_in.mishaps import Mishaps
from stripe_stand_in.store import Store, Terms
from stripe_stand_in.web import Reply, Request, Site
from stripe_stand_in.webhooks import Courier

API_VERSION = "2026-10-28.endive"
HOUR = 60 * 60


class StandIn:
    """``with StandIn(webhook_url=…) as stand_in``: ``stand_in.url`` is Stripe, ``stand_in.control`` everything else."""

    def __init__(
        self,
        *,
        port: int = 0,
        control_port: int = 0,
        host: str = "127.0.0.1",
        state: str = ":memory:",
        webhook_url: str | None = None,
        webhook_secret: str = "whsec_stand_in",  # noqa: S107 (protects nothing)
        public_url: str | None = None,
        api_version: str = API_VERSION,
        merchant: str = "Remainder",
        first_retry: float = 0.5,
        bank_delay: int = HOUR,
        settlement_delay: int = 0,
        can_die: bool = False,
    ) -> None:
        self._site = Site(host, port, self._respond)
        self.url = f"http://{host}:{self._site.port}"
        terms = Terms(api_version, merchant, bank_delay, settlement_delay, public_url or self.url)
        self._store = Store(state, terms)
        self._courier = Courier(self._store, webhook_url, webhook_secret, first_retry)
        self._api = Api(self._store, Mishaps())
        self._hosted_page = HostedPage(self._store)
        network = Network(self._api, self._courier, can_die=can_die)
        self._panel = Site("127.0.0.1", control_port, ControlPanel(Controls(Dashboard(self._store), network)))
        self.control_url = f"http://127.0.0.1:{self._panel.port}"
        self.control = Control(self.control_url)

    def start(self) -> None:
        self._courier.start()
        self._site.start()
        self._panel.start()

    def stop(self) -> None:
        self._panel.stop()
        self._site.stop()
        self._courier.stop()
        self._store.close()

    def __enter__(self) -> "StandIn":
        self.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.stop()

    def _respond(self, request: Request) -> Reply:
        is_api = request.path.startswith(("/v1/", "/v2/"))
        return self._api(request) if is_api else self._hosted_page(request)
