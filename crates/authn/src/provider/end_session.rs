//! A browser logs out (OpenID Connect RP-Initiated Logout 1.0), and the clients of its session are told (OpenID Connect Back-Channel
//! Logout 1.0). From then on one click comes before the next login.

use super::Provider;
use super::hint::NoHint;
use super::sign_on::{Browser, Sid, SignOns};
use countersign_core::http_client::{FetchLimits, HttpError};
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_core::time::Now;
use countersign_oidc::provider::authorize::told as told_of;
use countersign_oidc::provider::client::Client;
use countersign_oidc::provider::logout::{EndSession, Hint, LogoutTold, TYPE, request};
use http::{HeaderValue, StatusCode};
use std::time::Duration;
use url::Url;

/// How long one client may take to answer.
const DEADLINE: Duration = Duration::from_secs(4);
/// The longest answer of it that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// The bytes of a logout token's name.
const JTI_BYTES: usize = 16;

/// What becomes of it.
#[derive(Debug)]
pub enum Ending {
    /// The user is asked first: nobody else may end a session.
    Asks(Asks),
    /// It has ended.
    Ended(Box<Ended>),
    /// Whose it is the certificate would say, and that cannot be told just now. The text is for the log.
    Unjudged(String),
    /// It could not be ended. The text is for the log.
    Unavailable(String),
}

/// What the user is asked.
#[derive(Debug)]
pub struct Asks {
    /// Who is logged in, as far as is known.
    pub who: Option<Box<str>>,
    /// The request once more, with the click: the fields of a form.
    pub fields: Vec<(String, String)>,
    /// Where the browser goes then.
    pub location: Option<String>,
}

/// A session that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Whose it was, as far as is known.
    pub subject: Option<Box<str>>,
    /// Where the browser goes.
    pub location: Option<String>,
    /// What the browser keeps: that it has logged out.
    pub cookie: Option<HeaderValue>,
    /// Who is to be told.
    pub told: Vec<Telling>,
    /// Whether there are others, who cannot be told, or may be.
    pub cannot_be_told: bool,
    /// What of the request was not as it should be: for the log.
    pub remark: String,
}

/// Where a session was that has ended.
#[derive(Debug, Default)]
struct Known {
    told: Vec<Telling>,
    cannot_be_told: bool,
}

/// One client that is to be told.
#[derive(Debug)]
pub struct Telling {
    /// Who.
    pub client_id: Box<str>,
    /// Whether it may have nothing that it could end: a site without a store. It is told nevertheless.
    pub in_vain: bool,
    uri: Url,
    subject: Box<str>,
    sid: Box<str>,
    jti: String,
}

/// Why a client was not told. The texts are for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TellError {
    /// It was not reached.
    #[error(transparent)]
    Unreachable(#[from] HttpError),
    /// It does not take it.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// No token can be made.
    #[error("no logout token: {0}")]
    Token(String),
}

impl TellError {
    /// Whether it may do to try again.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(error) => match error {
                HttpError::Unreachable(_) | HttpError::InTheWay(..) | HttpError::TooSlow(_) => true,
                HttpError::TooLarge(_) | HttpError::PrivateAddress(_) | HttpError::Unsendable(_) => false,
            },
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Token(_) => false,
        }
    }
}

impl Provider {
    /// Answers the query, or the form, of the end session endpoint. `here` says that it was sent by a page of this very host.
    pub async fn end_session(&self, request: &OriginalRequest, form: &[u8], here: bool, now: Now) -> Ending {
        // What has no single reading says nothing: the user can log out nevertheless.
        let asked = EndSession::read(form).unwrap_or_default();
        let hint = asked.id_token_hint.as_ref().map(|hint| self.hint(hint.expose()));
        let no_hint = hint.as_ref().and_then(|hint| hint.as_ref().err().copied());
        // The user can log out with one that says nothing, too.
        let hint = hint.and_then(Result::ok);
        let client = self.asking(hint.as_ref(), asked.client_id.as_deref());
        let uri = asked.post_logout_redirect_uri.as_deref();
        let admitted = uri.filter(|uri| is_admitted(client.as_ref(), uri));
        let location = admitted.and_then(|uri| asked.location(uri));
        let browser = Browser::of(&request.headers);
        let theirs = match self.is_of(browser, hint.as_ref(), now).await {
            Ok(is_theirs) => hint.as_ref().filter(|_| is_theirs),
            Err(error) => return Ending::Unavailable(error.to_string()),
        };
        let presented = request.certificate.presented.as_ref();
        let person = match presented.map(|presented| self.judge(presented, now)) {
            Some(Ok(proved)) => Some(proved.person),
            // Nobody reads that they have logged out where nothing has ended.
            Some(Err(Some(late))) if late.is_passing && theirs.is_none() => {
                return Ending::Unjudged(late.rejection.detail);
            }
            Some(Err(_)) | None => None,
        };
        if theirs.is_none() && !(asked.clicked && here) {
            // Another browser's, or one of before this one forgot us: whoever shows the same subject's certificate may end it.
            let named = hint.filter(|hint| {
                person
                    .as_ref()
                    .is_some_and(|person| person.subject == hint.subject)
            });
            let named = named.map(|hint| hint.sid);
            let who = client.as_ref().map(Client::id);
            return Ending::Asks(Asks {
                fields: owned(asked.fields(who, admitted, named.as_deref())),
                who: person.map(|person| person.email.unwrap_or(person.subject)),
                location,
            });
        }
        let subject = theirs.map(|hint| hint.subject.clone());
        let subject = subject.or(person.map(|person| person.subject));
        let named = asked.session.as_deref().filter(|_| theirs.is_none());
        // Whoever shows the session's ID Token has ended it already on its own side.
        let knows = theirs.map(|hint| &*hint.client_id);
        let named = named.and_then(Sid::parse);
        match self.ended(browser, (subject.as_deref(), named), knows, now).await {
            Ok(known) => Ending::Ended(Box::new(Ended {
                remark: remark(&asked, no_hint, client.as_ref(), admitted),
                subject,
                location,
                cookie: browser.out(self),
                told: known.told,
                cannot_be_told: known.cannot_be_told,
            })),
            Err(error) => Ending::Unavailable(error.to_string()),
        }
    }

    /// Whether the session that the hint names is the one of its subject in this browser, as far as there is one: no former one.
    async fn is_of(&self, browser: Browser<'_>, hint: Option<&Hint>, now: Now) -> Result<bool, StoreError> {
        let own = hint.and_then(|hint| browser.key_of(&hint.subject));
        let named = hint.and_then(|hint| Sid::parse(&hint.sid));
        let Some(named) = named.filter(|named| own.as_ref() == Some(&named.key)) else {
            return Ok(false);
        };
        let (known, _) = self.known(&named.key, now).await?;
        Ok(known.is_of(named.number))
    }

    /// Ends the session of `subject` in this browser, and the one that is `named`; who is to be told of it. The client that asked
    /// `knows`.
    async fn ended(
        &self,
        browser: Browser<'_>,
        (subject, named): (Option<&str>, Option<Sid>),
        knows: Option<&str>,
        now: Now,
    ) -> Result<Known, StoreError> {
        let mut ended = Known::default();
        let Some(subject) = subject else {
            return Ok(ended);
        };
        let own = browser.key_of(subject);
        if let Some(key) = &own {
            let known = self.sign_off(subject, key, now).await?;
            self.told(&mut ended, key, &known, knows);
        }
        if let Some(named) = named.filter(|named| own.as_ref() != Some(&named.key)) {
            let known = self.sign_off_of(subject, &named, now).await?;
            self.told(&mut ended, &named.key, &known, knows);
        }
        Ok(ended)
    }

    /// Who asks: whoever the hint was for, and nobody where another name stands beside it.
    fn asking(&self, hint: Option<&Hint>, client_id: Option<&str>) -> Option<Client> {
        let hinted = hint.map(|hint| &*hint.client_id);
        match (hinted, client_id) {
            (Some(hinted), Some(named)) if hinted != named => None,
            (hinted, named) => self.clients.find(hinted.or(named)?),
        }
    }

    /// Who is to be told of the end of the session that was `known` so under `key`, each by the name that it knows.
    fn told(&self, ended: &mut Known, key: &str, known: &SignOns, knows: Option<&str>) {
        ended.cannot_be_told |= known.may_be_elsewhere();
        for at in &known.clients {
            let (id, key, number) = (&at.id, key.into(), at.number);
            // Whoever is no client any more is told nothing.
            let client = self.clients.find(id);
            let uri = client.as_ref().and_then(Client::backchannel_logout_uri);
            let in_vain = match client {
                Some(Client::Site(_)) => !at.has_grant,
                Some(Client::Registered(_)) | None => false,
            };
            ended.cannot_be_told |= (uri.is_none() || in_vain) && knows != Some(&**id);
            ended.told.extend(uri.map(|uri| Telling {
                client_id: id.clone(),
                in_vain,
                uri,
                subject: known.subject.clone(),
                sid: Sid { key, number }.to_string().into(),
                jti: self.draw::<JTI_BYTES>(),
            }));
        }
    }

    /// Tells one client, once.
    pub async fn tell(&self, telling: &Telling, now: Now) -> Result<(), TellError> {
        let told = LogoutTold {
            issuer: self.issuer.as_str(),
            client_id: &telling.client_id,
            subject: &telling.subject,
            sid: &telling.sid,
            jti: &telling.jti,
            issued: now.wall,
        };
        let token = self.keys.sign(TYPE, &told.payload());
        let token = token.map_err(|error| TellError::Token(error.to_string()))?;
        let request = request(&telling.uri, &Secret::new(token));
        let request =
            request.ok_or_else(|| TellError::Token("no request can be made of its address".into()))?;
        let limits = FetchLimits {
            deadline: DEADLINE,
            body_bytes: MAX_ANSWER_BYTES,
            // The operator named it, or the pattern that it is of.
            as_public_as: telling.uri.host_str().map(Into::into),
            authorities: self.authorities.clone(),
        };
        let answer = self.http.send(request, limits).await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(TellError::Status(answer.status()))
        }
    }
}

fn is_admitted(client: Option<&Client>, uri: &str) -> bool {
    client.is_some_and(|client| client.has_post_logout_redirect_uri(uri))
}

fn remark(
    asked: &EndSession,
    no_hint: Option<NoHint>,
    client: Option<&Client>,
    admitted: Option<&str>,
) -> String {
    let told = match no_hint {
        Some(NoHint::Foreign) => "id_token_hint is no ID Token of ours",
        Some(NoHint::Former) => "id_token_hint is signed with a key that is not known, or not any more",
        Some(NoHint::NoKeys) => "id_token_hint cannot be checked: there are no keys",
        None => "",
    };
    let wanted = asked.post_logout_redirect_uri.as_deref();
    match wanted.filter(|_| admitted.is_none() && told.is_empty()) {
        Some(uri) => format!(
            "that client's browsers may not go there: client_id = {:?}, post_logout_redirect_uri = {:?}",
            client.map_or("", Client::id),
            told_of(uri),
        ),
        None => told.to_owned(),
    }
}

fn owned(fields: Vec<(&str, &str)>) -> Vec<(String, String)> {
    let fields = fields.into_iter();
    fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
