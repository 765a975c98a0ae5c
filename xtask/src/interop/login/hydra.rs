//! Ory Hydra, which leaves it to others to ask people who they are: here to a page with one button.

use super::browser::{Browser, Shown};
use super::service::{Service, call};
use super::site::Ports;
use super::{Administrators, Login, Provider};
use crate::gateway::free_port;
use crate::{Failure, tools};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

/// What both sides know of a client that has a secret.
const SECRET: &str = "a secret: 100% & more, of 40 characters";
/// What every client asks for.
const SCOPES: &str = "openid profile email offline_access";

/// It runs until this is dropped.
#[derive(Debug)]
pub(super) struct Hydra {
    provider: u16,
    admin: u16,
    pages: u16,
    _service: Service,
}

impl Hydra {
    /// Starts it with nothing remembered; its words are in `folder`.
    pub(super) fn start(folder: &Path, ports: Ports) -> Result<Self, Failure> {
        let (admin, pages) = (free_port()?, free_port()?);
        serve(pages, admin)?;
        let page = |name: &str| format!("http://localhost:{pages}/{name}");
        let mut command = Command::new(tools::hydra());
        command
            .args(["serve", "all", "--dev", "--sqa-opt-out"])
            .env("DSN", "memory")
            .env("SECRETS_SYSTEM", "a secret of the provider alone 32 bytes")
            .env("SERVE_PUBLIC_HOST", "127.0.0.1")
            .env("SERVE_PUBLIC_PORT", ports.provider.to_string())
            .env("SERVE_ADMIN_HOST", "127.0.0.1")
            .env("SERVE_ADMIN_PORT", admin.to_string())
            .env("URLS_SELF_ISSUER", format!("http://localhost:{}", ports.provider))
            .env("URLS_LOGIN", page("login"))
            .env("URLS_CONSENT", page("consent"))
            .env("URLS_LOGOUT", page("logout"))
            .env("TTL_ACCESS_TOKEN", "20s");
        let path = ("/.well-known/openid-configuration", 200);
        let service = Service::start(&mut command, &folder.join("log"), ports.provider, path)?;
        let hydra = Self {
            provider: ports.provider,
            admin,
            pages,
            _service: service,
        };
        hydra.knows(ports)?;
        Ok(hydra)
    }

    /// Registers the clients.
    fn knows(&self, ports: Ports) -> Result<(), Failure> {
        let client = |id: &str, redirect: &str, bye: &str| {
            json!({
                "client_id": id, "redirect_uris": [redirect], "post_logout_redirect_uris": [bye], "scope": SCOPES,
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            })
        };
        let merged = |mut client: Value, more: Value| {
            if let (Value::Object(client), Value::Object(more)) = (&mut client, more) {
                client.extend(more);
            }
            client
        };
        let back = "/.countersign/callback";
        let alone = |id: &str| client(id, &ports.alone(id, back), &ports.alone(id, "/bye"));
        let secret = json!({ "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_basic" });
        let key = json!({
            "jwks_uri": format!("http://localhost:{}/.countersign/jwks", ports.alone), "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256", "userinfo_signed_response_alg": "RS256",
        });
        let app = client("app", &ports.nginx("/auth"), &ports.nginx("/bye"));
        for client in [
            merged(alone("plain"), secret.clone()),
            merged(alone("keyed"), key),
            merged(app, secret),
        ] {
            let kind = [("Content-Type", "application/json")];
            call(self.admin, "POST /admin/clients", &kind, &client.to_string())?;
        }
        Ok(())
    }
}

impl Provider for Hydra {
    fn name(&self) -> &'static str {
        "Ory Hydra"
    }

    fn issuer(&self) -> String {
        format!("http://localhost:{}", self.provider)
    }

    fn form(&self) -> String {
        format!("http://localhost:{}/login", self.pages)
    }

    fn logins(&self) -> Vec<Login> {
        let scopes = "scopes = [\"openid\", \"profile\", \"email\", \"offline_access\"]\n";
        vec![
            Login {
                name: "plain",
                options: format!(
                    "client_id = \"plain\"\nclient_secret = {{ file = \"client-secret\" }}\n{scopes}"
                ),
            },
            Login {
                name: "keyed",
                options: format!(
                    "client_id = \"keyed\"\nprivate_key = {{ file = \"client-key.pem\" }}\n\
                     assertion_audience = \"token_endpoint\"\nuserinfo = \"refresh\"\n{scopes}"
                ),
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
        browser.press("Sign in", until)
    }

    fn administrators(&self) -> Option<&dyn Administrators> {
        Some(self)
    }

    fn tells_of_logouts(&self, _login: &str) -> bool {
        false
    }

    fn is_short_lived(&self) -> bool {
        true
    }
}

impl Administrators for Hydra {
    fn end_sessions(&self) -> Result<(), Failure> {
        let sessions = "DELETE /admin/oauth2/auth/sessions";
        call(self.admin, &format!("{sessions}/login?subject=ann"), &[], "")?;
        let consents = format!("{sessions}/consent?subject=ann&all=true");
        call(self.admin, &consents, &[], "").map(drop)
    }

    fn enable(&self, _enabled: bool) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// The pages that Hydra sends browsers to. Their threads end with the chore.
fn serve(port: u16, admin: u16) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // What goes wrong is seen in the browser, which gets nothing.
            std::thread::spawn(move || drop(answer(stream, admin)));
        }
    });
    Ok(())
}

fn answer(stream: TcpStream, admin: u16) -> Result<(), Failure> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
    let target = head.split(' ').nth(1).unwrap_or_default();
    let text = if let Some(to) = decided(admin, target)? {
        format!("HTTP/1.1 303 See Other\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    } else {
        let to = target.replacen("/login", "/known", 1);
        let page = format!(
            "<!doctype html><title>Sign in</title><form method=\"post\" action=\"{to}\"><button>Sign in</button></form>"
        );
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        )
    };
    reader.get_mut().write_all(text.as_bytes())?;
    Ok(())
}

/// Where Hydra wants the browser next; `None` where somebody has to press the button first.
fn decided(admin: u16, target: &str) -> Result<Option<String>, Failure> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (what, body) = match path {
        "/known" => ("login", json!({ "subject": "ann", "remember": true })),
        "/consent" => {
            let told = json!({
                "preferred_username": "ann", "email": "ann@home.test", "email_verified": true, "groups": ["staff"],
            });
            let scopes = SCOPES.split(' ').collect::<Vec<_>>();
            (
                "consent",
                json!({ "grant_scope": scopes, "remember": true, "session": { "id_token": told } }),
            )
        }
        "/logout" => ("logout", json!({})),
        _ => return Ok(None),
    };
    let line = format!("PUT /admin/oauth2/auth/requests/{what}/accept?{query}");
    let kind = [("Content-Type", "application/json")];
    let answer = call(admin, &line, &kind, &body.to_string())?;
    let answer = serde_json::from_slice::<Value>(&answer.body)?;
    let to = answer.get("redirect_to").and_then(Value::as_str);
    Ok(to.map(str::to_owned))
}
