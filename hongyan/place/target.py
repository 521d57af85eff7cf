"""Chooses the service that a command talks to, from its options, the environment, a profile or the local stack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hongyan.door.api import Api
from hongyan.door.http import checked_url
from hongyan.door.issuer import Client, Issuer
from hongyan.door.kept_tokens import KeptTokens, token_file
from hongyan.door.passes import AwsIdentity, FetchedToken, GivenToken
from hongyan.failure import NOT_LET_IN, USAGE, Failure
from hongyan.place.local_stack import LocalStack, find_local_stack
from hongyan.place.profiles import Profile, read_profile

_NOWHERE = "which service? Give --profile or --url (or HONGYAN_URL), or start the local stack with `make up`"
_FROM_ENVIRONMENT = {
    "issuer": "HONGYAN_ISSUER",
    "client_id": "HONGYAN_CLIENT_ID",
    "client_secret": "HONGYAN_CLIENT_SECRET",
    "scope": "HONGYAN_SCOPE",
    "audience": "HONGYAN_AUDIENCE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options that every command takes."""

    url: str | None = None
    token: str | None = field(default=None, repr=False)
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The surroundings that a command runs in."""

    environment: Mapping[str, str]
    directory: Path
    home: Path
    say: Callable[[str], None]

    def profiles(self) -> Path:
        return self._below("XDG_CONFIG_HOME", ".config") / "profiles.toml"

    def tokens(self) -> Path:
        return self._below("XDG_STATE_HOME", ".local/state") / "tokens"

    def _below(self, variable: str, otherwise: str) -> Path:
        given = self.environment.get(variable)
        return (Path(given) if given else self.home / otherwise) / "hongyan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A deployed stage or, if `local` is given, the local stack."""

    profile: Profile
    #: The setting that gave the URL.
    setting: str
    #: The token from the operator, and the setting that gave it.
    token: str = field(default="", repr=False)
    token_setting: str = ""
    local: LocalStack | None = None
    around: Surroundings

    def operator(self) -> Api:
        """The API with an operator's token or signature."""
        if self.local and not self.token:
            return self._local_api(user_id=1, is_operator=True)
        return self._api(self._given() or self._fetched())

    def user(self, user_id: int | None) -> tuple[Api, str]:
        """The API with the right to change a user's channels, and the part of the path before `channels`."""
        if self.local and not self.token:
            return self._local_api(user_id=user_id or 1, is_operator=False), ""
        if user_id is None:
            return self._api(self._given() or self._fetched()), ""
        return self._api(AwsIdentity.of(self.profile.url)), f"users/{user_id}/"

    def _local_api(self, *, user_id: int, is_operator: bool) -> Api:
        local = self.local
        assert local is not None  # noqa: S101 - both callers ask

        def fetch(_refused: bool) -> str:  # noqa: FBT001 - a Pass passes it
            return local.token(user_id=user_id, is_operator=is_operator)

        return self._api(FetchedToken(fetch=fetch, setting="`python -m local token`"))

    def _api(self, let_in_by: GivenToken | FetchedToken | AwsIdentity) -> Api:
        return Api(url=self.profile.url, setting=self.setting, let_in_by=let_in_by)

    def _given(self) -> GivenToken | None:
        return GivenToken(token=self.token, setting=self.token_setting) if self.token else None

    def _fetched(self) -> FetchedToken:
        client = _client(self.profile)
        issuer = Issuer(client=client, say=self.around.say, is_interactive=sys.stderr.isatty())
        parts = (client.issuer, client.client_id, client.scope, client.audience)
        kept = KeptTokens(source=issuer, file=token_file(self.around.tokens(), *parts))
        return FetchedToken(fetch=kept.fetch, setting="the issuer's answer")


def choose(options: Options, around: Surroundings) -> Target:
    """Options win over the environment. The environment's token is sent only to the URL that was given with it."""
    environment = around.environment
    if options.profile:
        return _by_profile(options.profile, options, around)
    if url := options.url or environment.get("HONGYAN_URL"):
        setting = "--url" if options.url else "HONGYAN_URL"
        return _at(Profile(url=url), setting, options, around, environment.get("HONGYAN_TOKEN"))
    if name := environment.get("HONGYAN_PROFILE"):
        return _by_profile(name, options, around)
    if local := find_local_stack(around.directory):
        return replace(_at(Profile(url=local["api_url"]), "api_url of the local stack", options, around), local=local)
    raise Failure(_NOWHERE, USAGE)


def _by_profile(name: str, options: Options, around: Surroundings) -> Target:
    file = around.profiles()
    profile = read_profile(file, name)
    return _at(replace(profile, url=options.url or profile.url), f"url of [{name}] in {file}", options, around)


def _at(
    profile: Profile, setting: str, options: Options, around: Surroundings, other_token: str | None = None
) -> Target:
    missing = {name: key for name, key in _FROM_ENVIRONMENT.items() if not getattr(profile, name)}
    given = {name: around.environment[key] for name, key in missing.items() if key in around.environment}
    return Target(
        profile=replace(profile, **given, url=checked_url(profile.url, setting)),
        setting=setting,
        token=options.token or other_token or "",
        token_setting="--token" if options.token else "HONGYAN_TOKEN",
        around=around,
    )


def _client(profile: Profile) -> Client:
    if not profile.issuer or not profile.client_id:
        raise Failure(
            "no token: give --token or HONGYAN_TOKEN, or HONGYAN_ISSUER and HONGYAN_CLIENT_ID (issuer and client_id "
            "of a profile) to ask for one",
            NOT_LET_IN,
        )
    asked = Client(
        issuer=profile.issuer,
        client_id=profile.client_id,
        client_secret=profile.client_secret,
        audience=profile.audience,
    )
    return replace(asked, scope=profile.scope) if profile.scope else asked
