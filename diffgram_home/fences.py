"""The kernel's fence and the proxies before the pages, made from the settings: texts to install, nothing is changed.

The addresses are those of the egress registry, so that what the door may reach, what the tripwire lets through and what
the kernel permits come from one list. Loading a text, and looking names up, is left to others. Rules:

- What is not listed is refused: `IPAddressDeny=any` in the units, a last rule that refuses in the nft rules.
- Where a proxy is the way out, corporate's own address is not reachable.
- The proxies' logs hold no address of anybody: no access line with one, and no error log, whose lines name clients.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from diffgram_home import egress
from diffgram_home.egress import Destination
from diffgram_home.errors import HomeError
from diffgram_home.settings import Settings

PARTS = ("all", "pages", "scheduler")
TABLE = "diffgram_home"
_TRANSPORTS = {"dns": ("udp", "tcp"), "syslog": ("udp",)}
_MADE = "# Made by `diffgram-home fence {}` from {}. Make it again when the settings or an address change."


class FenceError(HomeError):
    """A fence cannot be made: an address is missing, or the settings do not fit."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One address that the kernel lets through: `protocol` is that of the registry, `why` in its words."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    protocol: str
    why: str


@dataclass(frozen=True, slots=True)
class Front:
    """What a proxy before the pages needs: the name and port that people use, its certificate, and where it logs."""

    name: str
    port: int
    certificate: Path
    key: Path
    log: Path


def needed(settings: Settings) -> tuple[Destination, ...]:
    """What the installation's processes connect to, in the order of the registry."""
    found = egress.registry(settings)
    near = {"https"} if any(d.protocol == "connect" for d in found) else set()
    return tuple(d for d in found if d.protocol not in near)


def allowed(settings: Settings, addresses: Mapping[str, Sequence[str]]) -> tuple[Allowed, ...]:
    """The kernel's list; `addresses` has those of each host that is a name. Raises FenceError with every one."""
    found, missing = [], []
    for one in needed(settings):
        given = [one.host] if is_address(one.host) else addresses.get(one.host, ["127.0.0.1", "::1"])
        if one.host not in addresses and not is_address(one.host) and one.host != "localhost":
            missing.append(one.host)
            continue
        found += [Allowed(ipaddress.ip_address(a), one.port, one.protocol, one.why) for a in given]
    if missing:
        hint = "give --address NAME=ADDRESS for each, or --resolve to ask this machine's resolver now"
        raise FenceError("address-needed", f"the kernel needs the address of {', '.join(map(repr, missing))}", hint)
    return tuple(found)


def unit(settings: Settings, listed: Sequence[Allowed], user: str, part: str, clients: Sequence[str]) -> str:
    """A systemd unit for `run`, or for one part of it. `clients` are the networks from which people reach the pages."""
    addresses = list(dict.fromkeys(_of_part(settings, listed, part, clients)))
    folders = sorted({settings.path.parent, settings.folder, settings.spool.folder, *_checkpoints(settings)}, key=str)
    what = {"all": "pages and scheduler", "pages": "pages", "scheduler": "scheduler"}[part]
    only = "" if part == "all" else f" --only {part}"
    return _UNIT.format(
        made=_MADE.format("systemd", settings.path),
        what=what,
        start=f"{sys.executable} -P -m diffgram_home.cli --config {settings.path} run{only}",
        user=user,
        allow="\n".join(f"IPAddressAllow={address}" for address in addresses),
        writable=" ".join(map(str, folders)),
    )


def ruleset(settings: Settings, listed: Sequence[Allowed], user: str) -> str:
    """nft rules: processes of `user` reach what is listed, by port, and answer whoever asks the pages; nothing else."""
    rules = "\n".join(dict.fromkeys(_rules(listed)))
    return _RULESET.format(made=_MADE.format("nft", settings.path), table=TABLE, user=user, rules=rules)


def nginx(settings: Settings, front: Front) -> str:
    """A server block for nginx, to stand inside `http { … }`. Raises FenceError if the pages expect no proxy."""
    target = _target(settings)
    redirect = _NGINX_REDIRECT.format(name=front.name) if front.port == 443 else ""
    return _NGINX.format(made=_MADE.format("nginx", settings.path), target=target, front=front, redirect=redirect)


def caddy(settings: Settings, front: Front) -> str:
    """A whole Caddyfile. Raises FenceError if the pages expect no proxy."""
    return _CADDY.format(made=_MADE.format("caddy", settings.path), target=_target(settings), front=front)


def _of_part(settings: Settings, listed: Sequence[Allowed], part: str, clients: Sequence[str]) -> Iterator[str]:
    if part != "scheduler":  # the kernel's list holds for both directions: whoever asks the pages has to be on it
        yield from ("127.0.0.0/8", "::1/128") if settings.web.loopback else clients
    for one in listed:
        if part == "all" or _reaches(settings, part, one.protocol):
            yield str(one.address)


def _reaches(settings: Settings, part: str, protocol: str) -> bool:
    if protocol not in egress.DOORS:
        return True
    if part == "scheduler":
        return protocol not in egress.OF_PAGES
    return protocol in egress.OF_PAGES or (protocol == "dns" and egress.looked_up_by_pages(settings))


def _checkpoints(settings: Settings) -> tuple[Path, ...]:
    file = settings.elsewhere.file
    return (file.parent,) if file else ()


def _rules(listed: Sequence[Allowed]) -> Iterator[str]:
    for one in listed:
        family = "ip6" if one.address.version == 6 else "ip"
        for transport in _TRANSPORTS.get(one.protocol, ("tcp",)):
            port = f"{transport} dport {one.port}"
            yield f'        {family} daddr {one.address} {port} counter name "declared" accept  # {one.protocol}'


def _target(settings: Settings) -> str:
    web = settings.web
    if not web.behind_proxy:
        hint = "set behind_proxy = true under [web], so that the pages take the address of whoever asks from the proxy"
        raise FenceError("no-proxy-expected", "the pages do not expect a proxy before them", hint)
    return f"[{web.address}]:{web.port}" if ":" in web.address else f"{web.address}:{web.port}"


def is_address(host: str) -> bool:
    """Whether it is an address and no name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


_UNIT = """\
{made}
# The kernel lets these processes reach only the addresses below, whatever code runs in them, C code included. The list
# is by address, not by port, and needs a kernel with BPF for control groups: `systemctl status` warns where it lacks.
[Unit]
Description=Diffgram Home: {what}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart={start}
User={user}
Group={user}
Restart=on-failure
RestartSec=5
TimeoutStopSec=40
WorkingDirectory=/

IPAddressDeny=any
{allow}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6

ReadWritePaths={writable}
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
PrivateUsers=yes
UMask=0027
CapabilityBoundingSet=
AmbientCapabilities=
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
LimitCORE=0
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""

_RULESET = """\
{made}
# Load: nft -f FILE. Look: nft list table inet {table} (the counters say what was refused). Remove: nft delete table
# inet {table}. It holds for every process of the user "{user}", whatever code runs in it, C code included.
table inet {table} {{
}}
delete table inet {table}
table inet {table} {{
    counter declared {{
    }}
    counter refused {{
    }}
    chain output {{
        type filter hook output priority filter; policy accept;
        meta skuid "{user}" jump fence
    }}
    chain fence {{
        ct direction reply accept  # answers to whoever asked the pages
{rules}
        counter name "refused" reject with icmpx type admin-prohibited
    }}
}}
"""

_NGINX = """\
{made}
# It logs no address: the access log says when, what method, which answer, how many bytes and seconds; nginx's error log
# would name the address of whoever asked, so it is off but for trouble at the start.
log_format diffgram_home '$time_iso8601 $request_method $status $bytes_sent $request_time';
{redirect}server {{
    listen {front.port} ssl;
    listen [::]:{front.port} ssl;
    server_name {front.name};
    ssl_certificate {front.certificate};
    ssl_certificate_key {front.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    server_tokens off;
    access_log {front.log} diffgram_home;
    error_log /dev/null emerg;
    client_max_body_size 1m;
    location / {{
        proxy_pass http://{target};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto https;
        proxy_redirect off;
    }}
}}
"""

_NGINX_REDIRECT = """\
server {{
    listen 80;
    listen [::]:80;
    server_name {name};
    access_log off;
    error_log /dev/null emerg;
    return 301 https://$host$request_uri;
}}
"""

_CADDY = """\
{made}
# It logs no address: of each request only time, status, size and duration stay. Errors of single requests would name
# the address of whoever asked, so they are left out. The certificate is yours: Caddy asks nobody for one.
{{
	admin off
	auto_https off
	log default {{
		exclude http.log.error http.handlers
		level WARN
	}}
}}
https://{front.name}:{front.port} {{
	tls {front.certificate} {front.key}
	log {{
		output file {front.log}
		format filter {{
			wrap json
			fields {{
				request delete
				resp_headers delete
				user_id delete
			}}
		}}
	}}
	reverse_proxy {target} {{
		header_up Host {{http.request.hostport}}
		header_up X-Forwarded-Host {{http.request.hostport}}
		header_up X-Forwarded-For {{http.request.remote.host}}
		header_up X-Forwarded-Proto https
	}}
}}
"""
