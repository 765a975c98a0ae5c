//! A browser asks for a login (OpenID Connect Core section 3.1.2): its certificate is the answer.

use super::person::Proved;
use super::signed_in::{KeptChain, KeptLogin};
use super::{CODE_LASTS, Provider};
use crate::session::Purpose;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_core::certificate::Failure;
use countersign_core::request::OriginalRequest;
use countersign_core::secret::Secret;
use countersign_core::session::StoreError;
use countersign_core::time::Now;
use countersign_oidc::provider::authorize::{
    AuthenticationRequest, Prompt, Read, Refusal, Unanswerable, read,
};
use countersign_oidc::provider::response::{Delivery, Told};
use serde::{Deserialize, Serialize};

/// The bytes of a code, and of a session's name.
const CODE_BYTES: usize = 32;
const SID_BYTES: usize = 16;

/// What the user cannot be asked for where nothing may be asked (OpenID Connect Core section 3.1.2.6).
const LOGIN_REQUIRED: Refusal = Refusal {
    error: "login_required",
    description: "no certificate that holds was shown",
};

/// What becomes of it.
#[derive(Debug)]
pub enum Authorized {
    /// The browser takes an answer to the client: a code, or an error.
    Told(Delivery),
    /// The user is told that no answer can go anywhere.
    Unanswerable(Unanswerable),
    /// The user is told what is wrong with the certificate; `None` where there is none.
    NoCertificate(Option<Failure>),
    /// No code can be kept. The text is for the log.
    Unavailable(String),
}

/// What waits under a code.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    pub(super) redirect_uri: Box<str>,
    pub(super) challenge: Box<str>,
    pub(super) nonce: Option<Box<str>>,
    pub(super) login: KeptLogin,
}

impl Provider {
    /// Answers the query, or the form, of the authorization endpoint.
    pub async fn authorize(&self, request: &OriginalRequest, form: &[u8], now: Now) -> Authorized {
        let asked = match read(form, &self.clients) {
            Ok(Read::Sound(asked)) => *asked,
            Ok(Read::Refused(answer, why)) => {
                return Authorized::Told(answer.deliver(Told::Error(why), self.issuer.as_str()));
            }
            Err(why) => return Authorized::Unanswerable(why),
        };
        let presented = request.certificate.presented.as_ref();
        let proved = presented
            .ok_or(None)
            .and_then(|presented| self.judge(presented, now));
        let proved = match proved {
            Ok(proved) => proved,
            Err(_) if asked.prompt == Prompt::Nothing => {
                let told = Told::Error(LOGIN_REQUIRED);
                return Authorized::Told(asked.answer.deliver(told, self.issuer.as_str()));
            }
            Err(why) => return Authorized::NoCertificate(why),
        };
        if let Err(unmet) = self.may_enter(&proved.judged.principal, &asked.answer.client) {
            let told = Told::Error(Refusal {
                error: "access_denied",
                description: unmet.reason.meaning(),
            });
            return Authorized::Told(asked.answer.deliver(told, self.issuer.as_str()));
        }
        match self.keep_code(&asked, &proved, now).await {
            Ok(code) => Authorized::Told(asked.answer.deliver(Told::Code(&code), self.issuer.as_str())),
            Err(error) => Authorized::Unavailable(error.to_string()),
        }
    }

    async fn keep_code(
        &self,
        asked: &AuthenticationRequest,
        proved: &Proved,
        now: Now,
    ) -> Result<Secret<String>, StoreError> {
        let waiting = Waiting {
            redirect_uri: asked.answer.redirect_uri.clone(),
            challenge: asked.challenge.clone(),
            nonce: asked.nonce.clone(),
            login: KeptLogin {
                client_id: asked.answer.client.id().into(),
                subject: proved.person.subject.clone(),
                scope: asked.scopes.text().into(),
                sid: self.draw::<SID_BYTES>().into(),
                auth_time: now.wall.milliseconds(),
                chain: KeptChain::of(&proved.judged.facts.presented),
            },
        };
        // Strings and numbers: this cannot fail.
        let bytes = serde_json::to_vec(&waiting).unwrap_or_default();
        let code = Secret::new(self.draw::<CODE_BYTES>());
        let ends = now.wall.plus(CODE_LASTS);
        let kept = self
            .sessions
            .put(Purpose::Code, code.expose().as_bytes(), &bytes, ends, now);
        kept.await?;
        Ok(code)
    }

    /// So many random bytes, as text.
    pub(super) fn draw<const BYTES: usize>(&self) -> String {
        let mut bytes = [0; BYTES];
        self.entropy.fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}
