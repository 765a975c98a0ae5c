//! A browser asks for a login (OpenID Connect Core section 3.1.2): its certificate is the answer.

use super::hint::NoHint;
use super::person::{Fails, Proved};
use super::sign_on::{Browser, Sid, SignOns, key};
use super::signed_in::{KeptChain, KeptLogin};
use super::{CODE_LASTS, Provider};
use crate::session::{Purpose, Share, Standing};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::certificate::Failure;
use countersign_core::policy::Unmet;
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_core::time::{Now, Timestamp};
use countersign_oidc::provider::authorize::{
    AnswerTo, AuthenticationRequest, FORMER_HINT, LOGIN_REQUIRED, NO_HINT, NO_KEYS, Prompt, Read, Refusal,
    SOMEBODY_ELSE, Unanswerable, read, with_click,
};
use countersign_oidc::provider::response::{Delivery, Told};
use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// The bytes of a code.
const CODE_BYTES: usize = 32;
/// How many codes wait for one subject; whoever has most of them makes room.
const MOST_OF_ONE: usize = 100;

/// What is told of a certificate where nothing may be asked (OpenID Connect Core section 3.1.2.6).
const NO_CERTIFICATE: Refusal = Refusal {
    error: "login_required",
    description: "no certificate that holds was shown",
};

/// What is told where nothing may be asked, and whether the certificate holds cannot be told (RFC 6749 section 4.1.2.1): nobody is
/// logged out for that.
const UNJUDGED: Refusal = Refusal {
    error: "temporarily_unavailable",
    description: "whether the certificate holds cannot be told just now",
};

/// What becomes of it.
#[derive(Debug)]
pub enum Authorized {
    /// The browser takes an answer to the client: a code, or an error.
    Told(Answered),
    /// The user is asked for one click first.
    Click(Click),
    /// The user is told that no answer can go anywhere.
    Unanswerable(Unanswerable),
    /// The user is told what is wrong with the certificate; `None` where there is none.
    NoCertificate(Option<Failure>),
    /// Whether the certificate holds cannot be told just now. The text is for the log.
    Unjudged(String),
    /// No code can be kept. The text is for the log.
    Unavailable(String),
}

/// What the browser takes to the client.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub delivery: Delivery,
    /// What the browser keeps.
    pub cookie: Option<HeaderValue>,
    /// Who logged in, and at which client: for the log.
    pub login: Option<(Box<str>, Box<str>)>,
}

impl Answered {
    const fn error(delivery: Delivery) -> Self {
        Self {
            delivery,
            cookie: None,
            login: None,
        }
    }
}

/// Whether a client means whoever the certificate proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    /// It does, or means nobody in particular.
    Surely,
    /// What it had from here is signed with a key that is gone: the user says who it is.
    Perhaps,
}

/// One click, that the login is made anew.
#[derive(Debug)]
pub struct Click {
    /// Who is about to log in, as people know themselves.
    pub who: Box<str>,
    /// Where.
    pub client: Box<str>,
    /// The query of the same request, with the click.
    pub query: String,
}

/// What waits under a code.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    pub(super) redirect_uri: Box<str>,
    pub(super) challenge: Box<str>,
    pub(super) nonce: Option<Box<str>>,
    /// Since when, in milliseconds since the epoch.
    since: i64,
    pub(super) login: KeptLogin,
}

/// How what waits, of which these are the bytes, stands among the others.
fn standing(value: &[u8]) -> Standing {
    let waiting = serde_json::from_slice::<Waiting>(value);
    waiting.map_or_else(
        |_| Standing::default(),
        |waiting| Standing {
            began: Timestamp::from_milliseconds(waiting.since),
            whose: waiting.login.whose(),
        },
    )
}

impl Provider {
    /// Answers the query, or the form, of the authorization endpoint. `here` says that it was sent by a page of this very host: from
    /// elsewhere no click counts.
    pub async fn authorize(
        &self,
        request: &OriginalRequest,
        form: &[u8],
        here: bool,
        now: Now,
    ) -> Authorized {
        let asked = match read(form, &self.clients) {
            Ok(Read::Sound(asked)) => *asked,
            Ok(Read::Refused(answer, why)) => return self.refuse(&answer, why),
            Err(why) => return Authorized::Unanswerable(why),
        };
        let presented = request.certificate.presented.as_ref();
        let proved = presented
            .ok_or(None)
            .and_then(|presented| self.judge(presented, now)?.fit_for_sub());
        let proved = match proved {
            Ok(proved) => proved,
            Err(why) => return self.unproven(&asked, why),
        };
        let meant = match self.meant(&asked, &proved.person.subject) {
            Ok(meant) => meant,
            Err(why) => return self.refuse(&asked.answer, why),
        };
        if let Err(why) = self.may_enter(&proved, &asked.answer.client) {
            return self.kept_out(&asked, why);
        }
        let browser = Browser::of(&request.headers);
        let known = match self.known_in(browser, &proved.person.subject, now).await {
            Ok(known) => known,
            Err(error) => return Authorized::Unavailable(error.to_string()),
        };
        let is_out = known.has_logged_out(browser);
        if is_out && asked.prompt == Prompt::Nothing {
            return self.refuse(&asked.answer, LOGIN_REQUIRED);
        }
        let asks = is_out || asked.prompt == Prompt::Click || meant == Meant::Perhaps;
        if asks && !(asked.clicked && here) {
            let person = &proved.person;
            let known = person.email.as_ref().unwrap_or(&person.subject);
            return Authorized::Click(Click {
                who: known.clone(),
                client: asked.answer.client.id().into(),
                query: with_click(form),
            });
        }
        self.answer(&asked, &proved, (browser, &known), now).await
    }

    /// What becomes of a request of somebody who may not enter.
    fn kept_out(&self, asked: &AuthenticationRequest, why: Fails<Unmet>) -> Authorized {
        match (asked.prompt, why) {
            (_, Fails::Surely(unmet)) => {
                let why = Refusal {
                    error: "access_denied",
                    description: unmet.reason.meaning(),
                };
                self.refuse(&asked.answer, why)
            }
            (Prompt::Nothing, Fails::Unjudged(_)) => self.refuse(&asked.answer, UNJUDGED),
            (Prompt::AsNeeded | Prompt::Click, Fails::Unjudged(detail)) => Authorized::Unjudged(detail),
        }
    }

    fn refuse(&self, answer: &AnswerTo, why: Refusal) -> Authorized {
        let delivery = answer.deliver(Told::Error(why), self.issuer.as_str());
        Authorized::Told(Answered::error(delivery))
    }

    /// What becomes of a request whose certificate proves nobody.
    fn unproven(&self, asked: &AuthenticationRequest, why: Option<Failure>) -> Authorized {
        let is_passing = why.as_ref().is_some_and(|failure| failure.is_passing);
        match (asked.prompt, why) {
            (Prompt::Nothing, _) if is_passing => self.refuse(&asked.answer, UNJUDGED),
            (Prompt::Nothing, _) => self.refuse(&asked.answer, NO_CERTIFICATE),
            (_, Some(failure)) if is_passing => Authorized::Unjudged(failure.rejection.detail),
            (Prompt::AsNeeded | Prompt::Click, why) => Authorized::NoCertificate(why),
        }
    }

    /// Whether the client means `subject`, where it says whom (OpenID Connect Core sections 3.1.2.1 and 3.1.2.2); fails where nothing is
    /// told of them.
    fn meant(&self, asked: &AuthenticationRequest, subject: &str) -> Result<Meant, Refusal> {
        let Some(hint) = &asked.id_token_hint else {
            return Ok(Meant::Surely);
        };
        match self.hint(hint.expose()) {
            Ok(hint) if *hint.client_id != *asked.answer.client.id() => Err(NO_HINT),
            Ok(hint) if *hint.subject != *subject => Err(SOMEBODY_ELSE),
            Ok(_) => Ok(Meant::Surely),
            Err(NoHint::Former) if asked.prompt == Prompt::Nothing => Err(FORMER_HINT),
            Err(NoHint::Former) => Ok(Meant::Perhaps),
            Err(NoHint::Foreign) => Err(NO_HINT),
            Err(NoHint::NoKeys) => Err(NO_KEYS),
        }
    }

    async fn answer(
        &self,
        asked: &AuthenticationRequest,
        proved: &Proved,
        (browser, known): (Browser<'_>, &SignOns),
        now: Now,
    ) -> Authorized {
        let (value, cookie) = browser.kept(known, self);
        let subject = &proved.person.subject;
        let login = (subject.clone(), asked.answer.client.id().into());
        let key = key(&value, subject);
        match self.keep_code(asked, proved, (&key, known), now).await {
            Ok(code) => Authorized::Told(Answered {
                delivery: asked.answer.deliver(Told::Code(&code), self.issuer.as_str()),
                cookie,
                login: Some(login),
            }),
            Err(error) => Authorized::Unavailable(error.to_string()),
        }
    }

    async fn keep_code(
        &self,
        asked: &AuthenticationRequest,
        proved: &Proved,
        (key, known): (&str, &SignOns),
        now: Now,
    ) -> Result<Secret<String>, StoreError> {
        let auth_time = known.auth_time(asked.max_age, now.wall);
        let auth_time = auth_time.filter(|_| asked.prompt != Prompt::Click);
        let auth_time = auth_time.unwrap_or(now.wall);
        let sid = Sid {
            key: key.into(),
            number: known.number(now.wall),
        };
        let subject = &proved.person.subject;
        let waiting = Waiting {
            redirect_uri: asked.answer.redirect_uri.clone(),
            challenge: asked.challenge.clone(),
            nonce: asked.nonce.clone(),
            since: now.wall.milliseconds(),
            login: KeptLogin {
                client_id: asked.answer.client.id().into(),
                subject: subject.clone(),
                scope: asked.scopes.text().into(),
                sid: sid.to_string().into(),
                auth_time: auth_time.milliseconds(),
                chain: KeptChain::of(&proved.judged.facts.presented),
            },
        };
        // Strings and numbers: this cannot fail.
        let bytes = serde_json::to_vec(&waiting).unwrap_or_default();
        let code = Secret::new(self.draw::<CODE_BYTES>());
        let ends = now.wall.plus(CODE_LASTS);
        let name = self.own(code.expose().as_bytes());
        let group = |share| self.group(Purpose::Code, subject, share);
        let rooms = [
            group(Share::All).most(MOST_OF_ONE, standing),
            group(Share::SignOn(key)).unbounded(),
        ];
        self.sessions
            .keep(Purpose::Code, &name, &bytes, ends, &rooms)
            .await?;
        Ok(code)
    }

    /// So many random bytes, as text.
    pub(super) fn draw<const BYTES: usize>(&self) -> String {
        let mut bytes = [0; BYTES];
        self.entropy.fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}
