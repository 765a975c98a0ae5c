"""JupyterHub for the end-to-end tests: the hub and its OAuthenticator as they are, logging in at a provider of OpenID Connect.

Nothing is spawned and nothing stands in front, so that the proxy has nothing to do.
"""

import os

from jupyterhub.proxy import Proxy


class NoProxy(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {}


issuer = os.environ["ISSUER"]
origin = os.environ["ORIGIN"]

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = origin
c.JupyterHub.hub_bind_url = origin
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "app"
c.GenericOAuthenticator.client_secret = os.environ["SECRET"]
c.GenericOAuthenticator.oauth_callback_url = f"{origin}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = f"{issuer}/.countersign/authorize"
c.GenericOAuthenticator.token_url = f"{issuer}/.countersign/token"
c.GenericOAuthenticator.userdata_url = f"{issuer}/.countersign/userinfo"
c.GenericOAuthenticator.scope = ["openid", "email"]
c.GenericOAuthenticator.username_claim = "email"
c.GenericOAuthenticator.allow_all = True
