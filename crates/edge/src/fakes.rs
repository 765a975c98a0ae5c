//! What the edge's own tests stand on: an authenticator that answers as the token tells it, a gateway by it, and a clock
//! that stands still.

use crate::gateway::{Face, Faces, Gateway};
use crate::integration::by_name;
use crate::log::{Format, Log};
use crate::metrics::Metrics;
use crate::observe::Observer;
use crate::page::Pages;
use crate::rate::Rates;
use crate::serve::{Service, Shared};
use countersign_authn::anonymous::Anonymous;
use countersign_authn::login::Logins;
use countersign_core::authn::{
    Authenticator, Challenge, Effects, Outcome, Presented, Rejection, Unavailable,
};
use countersign_core::claims::{ClaimPath, ClaimsBuilder};
use countersign_core::credential_place::CredentialPlace;
use countersign_core::gate::PathOddities;
use countersign_core::identity_headers::{IdentityHeaders, ListFormat, Projection, preset};
use countersign_core::peer::TrustedPeers;
use countersign_core::policy::{Named, Requirement};
use countersign_core::principal::{AuthenticationMethod, FactPaths, Principal};
use countersign_core::reason::{RejectionReason, UnavailableReason};
use countersign_core::request::OriginalRequest;
use countersign_core::route::{ChallengeStyle, HostPattern, PathPattern, Route, RouteTable, Upstream};
use countersign_core::time::{Clock, Monotonic, Now, Timestamp};
use countersign_core::{BoxFuture, Ports};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) mod judge;
pub(crate) mod pki;

/// Does what the bearer token says: `ann` and `bob` are somebody, `big` is somebody in very many groups, `slow` is ann
/// after a wait, `bad`, `expired`, `unknown`, `down` and `bug` are what they are called.
#[derive(Debug)]
pub(crate) struct Told {
    name: Arc<str>,
    places: [CredentialPlace; 2],
}

impl Told {
    pub(crate) fn authenticator() -> Arc<dyn Authenticator> {
        let places = [
            CredentialPlace::Header(AUTHORIZATION),
            CredentialPlace::Query("token".into()),
        ];
        Arc::new(Self {
            name: "token.told".into(),
            places,
        })
    }

    fn outcome(&self, word: &str) -> Outcome {
        let rejection = |reason| Rejection {
            reason,
            presented: Presented::Explicit,
            authenticator: Arc::clone(&self.name),
            detail: format!("came {word}"),
        };
        let cookies = Effects {
            cookies: vec![
                HeaderValue::from_static("one=1"),
                HeaderValue::from_static("two=2"),
            ],
        };
        match word {
            "ann" => Outcome::Authenticated(Arc::new(self.principal(word, 0)), Effects::none()),
            "bob" => Outcome::Authenticated(Arc::new(self.principal(word, 2)), cookies),
            "big" => Outcome::Authenticated(Arc::new(self.principal(word, 3000)), Effects::none()),
            "expired" => Outcome::Rejected(rejection(RejectionReason::TokenExpired), cookies),
            "unknown" => Outcome::Unclaimed(rejection(RejectionReason::UnknownIssuer)),
            "down" => Outcome::Unavailable(Unavailable {
                reason: UnavailableReason::KeysUnreachable,
                authenticator: Arc::clone(&self.name),
                detail: "the issuer is down".into(),
                retry_after: Duration::from_secs(5),
            }),
            "bug" => panic!("a bug"),
            _ => Outcome::Rejected(rejection(RejectionReason::SignatureInvalid), Effects::none()),
        }
    }

    fn principal(&self, subject: &str, groups: usize) -> Principal {
        let mut claims = ClaimsBuilder::default();
        claims.open_object().unwrap();
        claims.key("sub").unwrap();
        claims.string(subject).unwrap();
        claims.key("groups").unwrap();
        claims.open_array().unwrap();
        for group in 0..groups {
            claims
                .string(if group == 0 { "operators" } else { "others" })
                .unwrap();
        }
        claims.close().unwrap();
        claims.close().unwrap();
        Principal {
            authenticator: Arc::clone(&self.name),
            method: AuthenticationMethod::Token,
            issuer: "https://op.test".into(),
            claims: claims.finish().unwrap(),
            written: countersign_core::identity_headers::Written::default(),
            tokens: None,
            facts: Arc::new(FactPaths {
                subject: ClaimPath::subject(),
                groups: ClaimPath::parse("groups").unwrap(),
                trust_unverified_email: false,
                leeway: FactPaths::LEEWAY,
            }),
        }
    }
}

impl Authenticator for Told {
    fn name(&self) -> &Arc<str> {
        &self.name
    }

    fn try_now(&self, request: &OriginalRequest, _: Now) -> Option<Outcome> {
        let Some(value) = request.headers.get(AUTHORIZATION) else {
            return Some(Outcome::Absent(Effects::none()));
        };
        let word = value.to_str().unwrap().strip_prefix("Bearer ").unwrap_or("bad");
        (word != "slow").then(|| self.outcome(word))
    }

    fn authenticate<'a>(&'a self, _: &'a OriginalRequest, _: Now) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            tokio::task::yield_now().await;
            self.outcome("ann")
        })
    }

    fn credential_places(&self) -> &[CredentialPlace] {
        &self.places
    }

    fn challenge(&self, _: &OriginalRequest) -> Option<Challenge> {
        Some(Challenge::Bearer {
            authenticator: Arc::clone(&self.name),
        })
    }
}

/// The rules of the tests, forwarding to `upstream` where there is one: `app.test` takes anybody who proves who they are,
/// `/admin/**` operators, `/scope/**` a scope nobody has, `/open/**` anybody, `/strict/**` says 403 only; `/auth` is an
/// endpoint, and `keep.test` keeps the credential for itself and lets odd paths through.
pub(crate) fn gateway(upstream: Option<&str>) -> Gateway {
    let facts = preset("x-auth").unwrap();
    let identity = IdentityHeaders::new(facts.iter().map(|(name, _)| name.clone()));
    let projection = Arc::new(Projection::new(&identity, &facts, ListFormat::Comma, None));
    let route = |host: &str, path: &str| Route {
        hosts: vec![HostPattern::parse(host).unwrap()],
        paths: vec![PathPattern::parse(path, false).unwrap()],
        accept: vec![Told::authenticator()],
        identity: Arc::clone(&projection),
        to: upstream.map(|authority| Upstream {
            authority: authority.into(),
        }),
        forward_credentials: true,
        ..Route::bare(format!("{host}{path}"))
    };
    let operators = Named {
        authenticator: None,
        name: "operators".into(),
    };
    let routes = [
        route("app.test", "/**"),
        Route {
            require: Requirement {
                groups: vec![operators],
                ..Requirement::default()
            },
            ..route("app.test", "/admin/**")
        },
        Route {
            require: Requirement {
                scopes: vec!["read".into(), "write".into()],
                ..Requirement::default()
            },
            ..route("app.test", "/scope/**")
        },
        Route {
            accept: vec![Told::authenticator(), Arc::new(Anonymous::new())],
            ..route("app.test", "/open/**")
        },
        Route {
            challenge: ChallengeStyle::Forbidden,
            ..route("app.test", "/strict/**")
        },
        Route {
            challenge: ChallengeStyle::Forbidden,
            endpoints: vec!["/auth".into()],
            ..route("check.test", "/**")
        },
        Route {
            endpoints: vec!["/plain".into()],
            ..route("plain.test", "/**")
        },
        Route {
            forward_credentials: false,
            allow_in_path: PathOddities::named("encoded-slash").unwrap(),
            ..route("keep.test", "/**")
        },
        Route {
            to: None,
            ..route("nowhere.test", "/**")
        },
    ];
    let routes = RouteTable::new(&routes.map(Arc::new)).unwrap();
    Gateway {
        provider: None,
        pages: Pages::built_in(),
        rates: Rates::default(),
        routes,
        logins: Logins::default(),
        identity: Arc::new(identity),
        faces: Faces::default(),
        generation: 1,
    }
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct Still;

/// What it says.
pub(crate) const NOW: Now = Now {
    wall: Timestamp::from_seconds(1_893_456_000),
    monotonic: Monotonic::from_milliseconds(0),
};

impl Clock for Still {
    fn now(&self) -> Now {
        NOW
    }
}

/// A request head as it would be written, one line each: `GET /a`, then header lines. HTTP/1.1.
pub(crate) fn head<B: Default>(text: &str) -> Request<B> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        request = request.header(name, value.trim());
    }
    request.body(B::default()).unwrap()
}

/// A random byte is a count.
#[derive(Debug)]
pub(crate) struct Counted;

impl countersign_core::entropy::Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, count) in bytes.iter_mut().zip(1..) {
            *byte = count;
        }
    }
}

/// Nobody outside.
#[derive(Debug)]
struct NoNetwork;

impl countersign_core::http_client::HttpClient for NoNetwork {
    fn send(
        &self,
        _: Request<bytes::Bytes>,
        _: countersign_core::http_client::FetchLimits,
    ) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, countersign_core::http_client::HttpError>> {
        Box::pin(async {
            Err(countersign_core::http_client::HttpError::Unreachable(
                "nobody".into(),
            ))
        })
    }
}

/// What is served, and what it leaves behind.
pub(crate) struct Served {
    pub(crate) shared: Arc<Shared>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
}

/// A world where nothing is to be had.
pub(crate) fn ports() -> Ports {
    Ports {
        clock: Arc::new(Still),
        entropy: Arc::new(Counted),
        http: Arc::new(NoNetwork),
        sessions: Arc::new(crate::store::NoSessions),
        kept: Arc::new(crate::kept_folder::KeptMemory::default()),
    }
}

/// Serves by [`gateway`].
pub(crate) fn served(upstream: Option<&str>) -> Served {
    let ports = ports();
    let (log, lines) = Log::memory(Format::Json);
    let metrics = Arc::new(Metrics::new());
    let observer = Observer::new(Arc::new(log), Arc::clone(&metrics));
    Served {
        shared: Shared::new(gateway(upstream), &ports, observer),
        metrics,
        lines,
    }
}

impl Served {
    /// In this dialect, trusting unix sockets and 127.0.0.1.
    pub(crate) fn speaking(&self, dialect: &str) -> Service {
        let trusted = TrustedPeers::parse(["unix", "127.0.0.1"]).unwrap();
        Service::new(
            Arc::clone(&self.shared),
            Face::clear(by_name(dialect, trusted.into()).unwrap()),
        )
    }
}

/// An application that plays its part: for each connection, for each request on it, an answer as bytes, or the end of
/// the connection where there are no more. What was asked comes out of the channel, one head or body piece at a time.
pub(crate) async fn application(
    connections: Vec<Vec<&'static str>>,
) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    drop(tokio::spawn(async move {
        for answers in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Whoever closes a connection may open the next one.
            'this: for answer in answers {
                let mut bytes = Vec::new();
                while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
                    if stream.read_buf(&mut bytes).await.unwrap() == 0 {
                        break 'this;
                    }
                }
                sender.send(String::from_utf8(bytes).unwrap()).unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    }));
    (authority, receiver)
}

/// A folder of one test, gone with it.
#[derive(Debug)]
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("countersign-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
