//! Keycloak, as its distribution stands, with a realm of our own.

use super::browser::{Browser, Shown};
use super::service::{Service, call};
use super::site::Ports;
use super::{Administrators, Login, Provider};
use crate::{Failure, tools};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// How long its access tokens last, in seconds.
const LIFE: u64 = 20;
/// What both sides know of a client that has a secret: not a word that stays as it is in a form.
const SECRET: &str = "a secret: 100% & more, of 40 characters";
/// The realm.
const REALM: &str = "interop";

/// It runs until this is dropped.
#[derive(Debug)]
pub(super) struct Keycloak {
    ports: Ports,
    _service: Service,
}

impl Keycloak {
    /// Starts it with everything in `folder`.
    pub(super) fn start(folder: &Path, ports: Ports) -> Result<Self, Failure> {
        let folder = folder.join("keycloak");
        let data = folder.join("data");
        std::fs::create_dir_all(data.join("import"))?;
        let home = tools::keycloak();
        // What is unpacked stays as it is: everything that is written goes to the data of this run.
        let own = home.join("data");
        drop(std::fs::remove_dir_all(&own));
        std::fs::create_dir_all(own.join("import"))?;
        std::fs::write(own.join("import/realm.json"), realm(ports).to_string())?;
        let hosts = folder.join("hosts");
        std::fs::write(
            &hosts,
            "127.0.0.1 localhost plain.localhost keyed.localhost app.test\n",
        )?;
        let mut command = Command::new(home.join("bin/kc.sh"));
        command
            .args(["start-dev", "--import-realm", "--http-host=127.0.0.1"])
            .arg(format!("--http-port={}", ports.provider))
            .arg(format!("--hostname=http://localhost:{}", ports.provider))
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
            .env(
                "JAVA_OPTS_APPEND",
                format!("-Djdk.net.hosts.file={}", hosts.display()),
            );
        let path = format!("/realms/{REALM}/.well-known/openid-configuration");
        let service = Service::start(&mut command, &folder.join("log"), ports.provider, (&path, 200))?;
        Ok(Self {
            ports,
            _service: service,
        })
    }

    /// Asks its administrators' interface.
    fn administrator(&self, line: &str, body: &str) -> Result<Value, Failure> {
        let form = "grant_type=password&client_id=admin-cli&username=admin&password=admin";
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let token = "POST /realms/master/protocol/openid-connect/token";
        let answer = call(self.ports.provider, token, &[kind], form)?;
        let token = serde_json::from_slice::<Value>(&answer.body)?;
        let token = token.get("access_token").and_then(Value::as_str);
        let bearer = format!("Bearer {}", token.ok_or("no access token")?);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let (method, path) = line.split_once(' ').ok_or("a method and a path")?;
        let line = format!("{method} /admin/realms/{REALM}{path}");
        let answer = call(self.ports.provider, &line, &headers, body)?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Ann's id.
    fn ann(&self) -> Result<String, Failure> {
        let found = self.administrator("GET /users?username=ann", "")?;
        let id = found.pointer("/0/id").and_then(Value::as_str);
        Ok(id.ok_or("no such user")?.to_owned())
    }
}

impl Provider for Keycloak {
    fn name(&self) -> &'static str {
        "Keycloak"
    }

    fn issuer(&self) -> String {
        format!("http://localhost:{}/realms/{REALM}", self.ports.provider)
    }

    fn logins(&self) -> Vec<Login> {
        vec![
            Login {
                name: "plain",
                options: "client_id = \"plain\"\nclient_secret = { file = \"client-secret\" }\n".to_owned(),
            },
            // ID Tokens of another algorithm, userinfo signed, the client proved by a key that the provider fetches from us.
            Login {
                name: "keyed",
                options: "client_id = \"keyed\"\nprivate_key = { file = \"client-key.pem\" }\nalgorithms = [\"ES256\"]\n\
                          userinfo = \"refresh\"\n"
                    .to_owned(),
            },
        ]
    }

    fn client(&self) -> (&'static str, &'static str) {
        ("app", SECRET)
    }

    fn leads_back(&self) -> bool {
        true
    }

    fn sign_in(&self, browser: &mut Browser, until: &str) -> Result<Shown, Failure> {
        browser.fill(&[("#username", "ann"), ("#password", "any")])?;
        browser.press("Sign In", until)
    }

    fn administrators(&self) -> Option<&dyn Administrators> {
        Some(self)
    }

    fn tells_of_logouts(&self, login: &str) -> bool {
        login == "plain"
    }

    fn is_short_lived(&self) -> bool {
        true
    }
}

impl Administrators for Keycloak {
    fn end_sessions(&self) -> Result<(), Failure> {
        self.administrator(&format!("POST /users/{}/logout", self.ann()?), "")?;
        Ok(())
    }

    fn enable(&self, enabled: bool) -> Result<bool, Failure> {
        let body = json!({ "enabled": enabled }).to_string();
        self.administrator(&format!("PUT /users/{}", self.ann()?), &body)?;
        Ok(true)
    }
}

/// A realm with strict rotation of refresh tokens, one user, and three clients.
fn realm(ports: Ports) -> Value {
    let groups = json!([{
        "name": "groups", "protocol": "openid-connect", "protocolMapper": "oidc-group-membership-mapper",
        "config": { "claim.name": "groups", "full.path": "false", "id.token.claim": "true", "userinfo.token.claim": "true" },
    }]);
    let client = |id: &str, origin: &str, bye: &str, more: &Value| {
        let mut client = json!({
            "clientId": id, "secret": SECRET, "standardFlowEnabled": true, "protocolMappers": groups,
            "redirectUris": [format!("{origin}/.countersign/callback"), format!("{origin}/auth")],
            "attributes": { "post.logout.redirect.uris": bye, "pkce.code.challenge.method": "S256" },
        });
        for (pointer, value) in more.as_object().into_iter().flatten() {
            let place = if let Some(name) = pointer.strip_prefix("attributes/") {
                client.pointer_mut("/attributes").map(|place| (place, name))
            } else {
                Some((&mut client, pointer.as_str()))
            };
            if let Some((Value::Object(place), name)) = place {
                place.insert(name.to_owned(), value.clone());
            }
        }
        client
    };
    let clients = [
        client(
            "plain",
            &ports.alone("plain", ""),
            &ports.alone("plain", "/bye"),
            &json!({
                "attributes/backchannel.logout.url": ports.alone("plain", "/.countersign/backchannel-logout"),
                "attributes/backchannel.logout.session.required": "true",
            }),
        ),
        client(
            "keyed",
            &ports.alone("keyed", ""),
            &ports.alone("keyed", "/bye"),
            &json!({
                "clientAuthenticatorType": "client-jwt",
                "attributes/use.jwks.url": "true",
                "attributes/jwks.url": ports.alone("keyed", "/.countersign/jwks"),
                "attributes/token.endpoint.auth.signing.alg": "ES256",
                "attributes/id.token.signed.response.alg": "ES256",
                "attributes/user.info.response.signature.alg": "ES256",
            }),
        ),
        client("app", &ports.nginx(""), &ports.nginx("/bye"), &json!({})),
    ];
    json!({
        "realm": REALM, "enabled": true, "sslRequired": "none", "accessTokenLifespan": LIFE,
        "revokeRefreshToken": true, "refreshTokenMaxReuse": 0,
        "groups": [{ "name": "staff" }],
        "users": [{
            "username": "ann", "enabled": true, "email": "ann@home.test", "emailVerified": true, "firstName": "Ann",
            "lastName": "Doe", "groups": ["/staff"], "realmRoles": ["offline_access"], "credentials": [{ "type": "password", "value": "any" }],
        }],
        "clients": clients,
    })
}
