"""Cross-checks of the mode: what needs `mode http` and stands in a TCP proxy has no effect, and HAProxy says so."""

from __future__ import annotations

from proxy.config.diagnostics import Diagnostics
from proxy.config.drafts import ProxyDraft
from proxy.config.keywords.balance import LAYER7

_HTTP_OPTIONS = (
    "http-buffer-request", "http-ignore-probes", "http-no-delay", "accept-invalid-http-request", "http-pretend-keepalive",
)


def check_mode(proxy: ProxyDraft, diagnostics: Diagnostics) -> None:
    """Warn of what a TCP proxy cannot do, and take it out of the draft."""
    if proxy.mode == "http":
        return

    def warn(at: str, message: str) -> None:
        diagnostics.warning(proxy.set_at.get(at, proxy.where), message, "mode http", at, parsing=False)

    title = proxy.title
    if proxy.mode == "tcp" and proxy.settings.pop("monitor_uri", ""):
        warn("monitor_uri", f"monitor-uri will be ignored for {title} (needs 'mode http').")
    if proxy.cookie is not None and proxy.is_backend:
        diagnostics.warning(
            proxy.cookie.where, f"cookie will be ignored for {title} (needs 'mode http').", "mode http", "cookie", parsing=False
        )
        proxy.cookie = None
    if proxy.capture_request_headers or proxy.capture_response_headers or proxy.settings.pop("capture_cookie", None):
        warn("capture", f"'capture' statement ignored for {title} as it requires HTTP mode.")
        proxy.capture_request_headers, proxy.capture_response_headers = [], []
    if proxy.use_services or proxy.request_fields:
        warn("http-request", f"'http-request' rules ignored for {title} as they require HTTP mode.")
        proxy.use_services, proxy.request_fields = [], []
    if proxy.response_fields:
        warn("http-response", f"'http-response' rules ignored for {title} as they require HTTP mode.")
        proxy.response_fields = []
    if proxy.is_backend and proxy.balance.algorithm in LAYER7:
        diagnostics.warning(
            proxy.balance.where, f"Layer 7 hash not possible for {title} (needs 'mode http'). Falling back to round robin.",
            "mode http",
            "balance", parsing=False,
        )
        proxy.balance = proxy.balance._replace(algorithm="roundrobin", argument="")
    if proxy.stats is not None:
        if not proxy.stats_inherited:
            warn("stats", f"'stats' statement ignored for {title} as it requires HTTP mode.")
        proxy.stats = None
    for name in ("forwardfor", "originalto"):
        if getattr(proxy, name) is not None:
            warn(f"option {name}", f"'option {name}' ignored for {title} as it requires HTTP mode.")
            setattr(proxy, name, None)
    for name in _HTTP_OPTIONS:
        if name in proxy.options:
            warn(f"option {name}", f"'option {name}' ignored for {title} as it requires HTTP mode.")
            proxy.options.discard(name)
    for server in proxy.servers:
        if server.settings.get("cookie"):
            diagnostics.warning(
                server.where, f"{title} : ignoring cookie for server '{server.name}' as HTTP mode is disabled.", "mode http",
                "cookie", parsing=False
            )
