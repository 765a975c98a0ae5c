//! What the demo says: its configuration, and what to try.

use super::certificates::Files;
use super::{At, DemoError, KID};
use countersign_core::reason::{AnswerReason, RejectionReason};
use countersign_core::time::Clock as _;
use countersign_edge::system::SystemClock;
use countersign_jose::sign::SigningKey;
use serde_json::{Map, json};
use std::path::PathBuf;

/// An hour, in seconds.
const HOUR: i64 = 3600;

/// Who signs.
#[derive(Debug)]
pub(super) struct Party {
    /// The issuer's name.
    pub(super) issuer: String,
    /// The issuer's key.
    pub(super) key: SigningKey,
    /// The key of somebody else.
    pub(super) stranger: SigningKey,
}

impl Party {
    /// A token about ann that ends at `expires`, in seconds since 1970.
    fn token(&self, key: &SigningKey, expires: i64) -> Result<String, DemoError> {
        let payload = json!({
            "iss": self.issuer, "aud": "demo", "sub": "ann", "exp": expires, "iat": expires - HOUR,
            "preferred_username": "ann", "groups": ["operators", "staff"],
            "email": "ann@demo.test", "email_verified": true,
        });
        let header = format!(r#""kid":"{KID}","typ":"at+jwt""#);
        Ok(key.sign(&header, payload.to_string().as_bytes())?)
    }
}

/// A request to try, and what it gets.
#[derive(Debug)]
struct Request {
    url: String,
    headers: Vec<(&'static str, String)>,
    /// The authorities to believe, and the certificate to show with its key: files.
    authorities: Option<PathBuf>,
    shown: Option<(PathBuf, PathBuf)>,
    /// Whether it goes where it is sent, and keeps cookies on the way.
    follows: bool,
    status: u16,
    reason: &'static str,
    /// What more there is to say.
    why: &'static str,
}

impl Request {
    /// One line for a shell.
    fn curl(&self) -> String {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| format!(" -H '{name}: {value}'"));
        let authorities = self.authorities.iter();
        let authorities = authorities.map(|path| format!(" --cacert {}", path.display()));
        let shown = self.shown.iter();
        let shown = shown.map(|(file, key)| format!(" --cert {} --key {}", file.display(), key.display()));
        let follows = self.follows.then(|| " -L -b ''".to_owned());
        let options = follows.into_iter().chain(headers);
        let options = options.chain(authorities).chain(shown).collect::<String>();
        format!("curl -i{options} {}", self.url)
    }

    /// What the line gets.
    fn promise(&self) -> String {
        let (status, reason, why) = (self.status, self.reason, self.why);
        match (reason == AnswerReason::Allowed.code(), why.is_empty()) {
            (true, _) => format!("{status}: {why}"),
            (false, true) => format!("{status} {reason}"),
            (false, false) => format!("{status} {reason}: {why}"),
        }
    }

    fn as_json(&self) -> serde_json::Value {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
        json!({
            "method": "GET", "url": self.url, "headers": headers.collect::<Map<_, _>>(), "status": self.status,
            "reason": self.reason, "message": self.why, "curl": self.curl(), "authorities": self.authorities,
            "follows": self.follows, "certificate": self.shown.as_ref().map(|(file, _)| file), "key": self.shown.as_ref().map(|(_, key)| key),
        })
    }
}

/// What there is to try at `at`.
#[derive(Debug)]
pub(super) struct Guide {
    issuer: String,
    at: At,
    /// The gateway's configuration.
    configuration: String,
    requests: Vec<Request>,
}

impl Guide {
    pub(super) fn new(
        configuration: String,
        at: At,
        party: &Party,
        files: &Files,
    ) -> Result<Self, DemoError> {
        let now = SystemClock::new().now().wall.seconds();
        let bearer = |key: &SigningKey, expires: i64| {
            let token = party.token(key, expires)?;
            Ok::<_, DemoError>(vec![("Authorization", format!("Bearer {token}"))])
        };
        let good = bearer(&party.key, now + HOUR)?;
        let expired = bearer(&party.key, now - HOUR)?;
        let forged = bearer(&party.stranger, now + HOUR)?;
        let claimed = ["root", "wheel"].map(str::to_owned);
        let mut more = good.clone();
        more.extend(["X-Auth-Subject", "X-Auth-Groups"].into_iter().zip(claimed));
        let request = |path: &str, headers, (status, reason), why| Request {
            url: format!("http://{}{path}", at.clear),
            headers,
            authorities: None,
            shown: None,
            follows: false,
            status,
            reason,
            why,
        };
        let allowed = (200, AnswerReason::Allowed.code());
        let refused = |reason| (401, reason);
        let mut requests = vec![
            request(
                "/hello",
                good,
                allowed,
                "a good token. The page shows what the application was told about ann.",
            ),
            request(
                "/hello",
                expired,
                refused(RejectionReason::TokenExpired.code()),
                "the same, but it ended an hour ago",
            ),
            request(
                "/hello",
                forged,
                refused(RejectionReason::SignatureInvalid.code()),
                "a stranger's signature under the issuer's key id",
            ),
            request(
                "/hello",
                Vec::new(),
                refused(AnswerReason::NoCredential.code()),
                "",
            ),
            request(
                "/hello",
                more,
                allowed,
                "a good token beside headers that say more; the application still hears of ann only",
            ),
            request(
                "/",
                Vec::new(),
                allowed,
                "the page for everybody. A browser can go there too, and on to the one that needs a token.",
            ),
        ];
        requests.extend(with_certificate(at, files));
        Ok(Self {
            issuer: party.issuer.clone(),
            at,
            configuration,
            requests,
        })
    }

    /// Everything that is said: each curl line whole on a line of its own, and before it what it will get.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            "An issuer of tokens and an application now run on this machine, and before the application"
                .to_owned(),
            "stands Countersign, with this configuration:".to_owned(),
            String::new(),
        ];
        lines.extend(self.configuration.lines().map(|line| {
            if line.is_empty() {
                String::new()
            } else {
                format!("    {line}")
            }
        }));
        lines.extend(["", "Try, in another terminal:"].map(str::to_owned));
        for request in &self.requests {
            let promise = format!("# {}", request.promise());
            lines.extend([String::new(), promise, request.curl()]);
        }
        let end = "Each request is one line below. New keys at each start; Ctrl-C ends the demo.";
        lines.extend(["", end, ""].map(str::to_owned));
        lines
    }

    /// The same for a program.
    pub(super) fn as_json(&self) -> serde_json::Value {
        let requests = self.requests.iter().map(Request::as_json);
        json!({
            "address": format!("http://{}", self.at.clear),
            "secure_address": format!("https://{}", self.at.secure),
            "issuer": self.issuer,
            "configuration": self.configuration,
            "requests": requests.collect::<Vec<_>>(),
        })
    }
}

/// The page for who has a certificate: with one, and without; and a site that asks for none, and knows whose it is.
fn with_certificate(at: At, files: &Files) -> [Request; 3] {
    let own = (files.client.clone(), files.client_key.clone());
    let request = |shown, status, reason, why| Request {
        url: format!("https://{}/device", at.secure),
        headers: Vec::new(),
        authorities: Some(files.authorities.clone()),
        shown,
        follows: false,
        status,
        reason,
        why,
    };
    [
        request(
            Some(own.clone()),
            200,
            AnswerReason::Allowed.code(),
            "a client certificate, made for this demo as `countersign ca quickstart` makes one",
        ),
        request(None, 403, AnswerReason::CertificateRequired.code(), ""),
        Request {
            url: format!("https://app.localhost:{}/hello", at.secure.port()),
            headers: vec![("Accept", "text/html".to_owned())],
            follows: true,
            ..request(
                Some(own),
                200,
                AnswerReason::Allowed.code(),
                "certificate single sign-on: this site asks for no certificate, and is told whose it is by the one that does",
            )
        },
    ]
}
