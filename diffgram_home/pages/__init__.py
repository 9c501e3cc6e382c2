"""The pages, one module each with a blueprint named `routes`; and the ways in, which stand elsewhere.

A view reads the request, calls one function of ours, renders the answer. Whoever adds a page adds it to `PAGES`.
"""

from diffgram_home import otlp, sentry
from diffgram_home.browser import reporting, taking
from diffgram_home.pages import (
    account,
    carrying,
    cases,
    checkpoints,
    deletion,
    dsns,
    fields,
    files,
    history,
    identity,
    incidents,
    issues,
    limits,
    oidc,
    overview,
    pending,
    people,
    privacy,
    queue,
    releases,
    reports,
    sent,
    sessions,
    support,
)

PAGES = (
    overview,
    fields,
    issues,
    sessions,
    reports,
    pending,
    queue,
    sent,
    cases,
    support,
    releases,
    incidents,
    deletion,
    identity,
    history,
    checkpoints,
    account,
    oidc,
    people,
    limits,
    privacy,
    files,
    carrying,
    dsns,
    sentry,
    otlp,
    reporting,
    taking,
)
ADDRESSES = (*sentry.ADDRESSES, *otlp.ADDRESSES)
"""Ways in that are taken before Flask (`diffgram_home.front`); each is a route of one of PAGES, too."""
