//! The end session endpoint: a browser logs out, and every application of its session is told behind it.

use super::super::{Done, Errand};
use super::authorize::origin_of;
use crate::audit::Action;
use crate::body::Body;
use crate::log::Log;
use crate::page::{Href, Page, SignOut, SignedOut, Words};
use countersign_authn::provider::Provider;
use countersign_authn::provider::end_session::{Asks, Ended, Ending, Telling};
use countersign_core::own_path::END_SESSION;
use countersign_core::reason::ErrandReason;
use countersign_core::time::Now;
use http::header::SET_COOKIE;
use http::{Method, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before a client that was not reached is told again.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

impl Errand<'_> {
    pub(super) async fn end_session(self, provider: &Arc<Provider>, body: Body) -> Done {
        if !matches!(self.request.method, Method::GET | Method::POST) {
            return self.not_allowed("GET, POST");
        }
        let form = self.form(body).await.unwrap_or_default();
        let here = self.request.method == Method::POST && self.is_from_our_page();
        match provider.end_session(self.request, &form, here, self.now).await {
            Ending::Asks(asks) => self.ask(asks),
            Ending::Ended(ended) => self.ended(provider, *ended),
            Ending::Unavailable(detail) => self.no_store(detail),
        }
    }

    fn ask(&self, asks: Asks) -> Done {
        let reason = ErrandReason::LogoutConfirm;
        let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
        let (Some(action), Some(stay)) = (Href::new(END_SESSION), Href::new("/")) else {
            return Done::telling(&words, "errand", String::new());
        };
        let page = Page::SignOut(SignOut {
            who: asks.who.map(Into::into),
            action,
            fields: asks.fields,
            ends_at: asks.location.as_deref().and_then(origin_of).into_iter().collect(),
            stay,
            everywhere: true,
        });
        Done::telling(&words.on(page), "errand", String::new())
    }

    fn ended(&self, provider: &Arc<Provider>, ended: Ended) -> Done {
        let who = ended.subject.as_deref().unwrap_or("");
        let told = format!("applications that are told: {}", ended.told.len());
        self.audit_sign_on(Action::SignOff, provider, who, &told);
        for telling in ended.told {
            self.tell_behind(provider, telling);
        }
        let reason = ErrandReason::LoggedOut;
        let stays = || {
            let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
            let page = SignedOut {
                everywhere: true,
                ..SignedOut::default()
            };
            Done::telling(&words.on(Page::SignedOut(page)), "errand", String::new())
        };
        let location = ended.location.as_ref();
        let mut done = location.map_or_else(stays, |location| Done::going(location, reason, Vec::new()));
        ended.remark.clone_into(&mut done.detail);
        if let Some(cookie) = ended.cookie {
            done.response.headers_mut().append(SET_COOKIE, cookie);
        }
        done
    }

    /// Tells one application behind the answer: the browser waits for nobody.
    fn tell_behind(&self, provider: &Arc<Provider>, telling: Telling) {
        let (provider, log, now) = (Arc::clone(provider), Arc::clone(self.log), self.now);
        let client = telling.client_id.clone();
        let begun = self
            .behind
            .begin(async move { tell(&provider, &telling, now, &log).await });
        if !begun {
            not_told(self.log, &client, "too much is under way");
        }
    }
}

async fn tell(provider: &Provider, telling: &Telling, now: Now, log: &Log) {
    let mut again = AGAIN_AFTER.into_iter();
    loop {
        let Err(error) = provider.tell(telling, now).await else {
            return;
        };
        let Some(wait) = again.next().filter(|_| error.is_passing()) else {
            return not_told(log, &telling.client_id, &error.to_string());
        };
        tokio::time::sleep(wait).await;
    }
}

fn not_told(log: &Log, client: &str, why: &str) {
    let text = format!("{client} was not told that a session has ended: {why}");
    log.event("warning", "logout", &text);
}
