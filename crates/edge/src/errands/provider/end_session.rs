//! The end session endpoint: a browser logs out, and every application of its session is told behind it.

use super::super::{Done, Errand};
use super::authorize::origin_of;
use crate::audit::Action;
use crate::behind::{Failed, Work};
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
use tokio::time::Instant;

impl Errand<'_> {
    pub(in crate::errands) async fn end_session(self, provider: &Arc<Provider>, body: Body) -> Done {
        if !matches!(self.request.method, Method::GET | Method::POST) {
            return self.not_allowed("GET, POST");
        }
        let form = self.form(body).await.unwrap_or_default();
        let here = self.request.method == Method::POST && self.is_from_our_page();
        match provider.end_session(self.request, &form, here, self.now).await {
            Ending::Asks(asks) => self.ask(asks),
            Ending::Ended(ended) => self.ended(provider, *ended),
            Ending::Unjudged(detail) => self.unjudged(detail),
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
        let count = ended.told.len();
        let are_told = ended.told.iter().any(|telling| !telling.in_vain);
        let begun = self.tell_behind(provider, who, ended.told);
        let told = if begun { count } else { 0 };
        let detail = format!("applications that are told: {told}");
        self.audit_sign_on(Action::SignOff, provider, who, &detail);
        let reason = ErrandReason::LoggedOut;
        let stays = || {
            let words = Words::new(self.request, StatusCode::OK, reason.code(), reason.meaning());
            let page = SignedOut {
                everywhere: true,
                told: begun && are_told,
                not_all: ended.cannot_be_told,
                ..SignedOut::default()
            };
            Done::telling(&words.on(Page::SignedOut(page)), "errand", String::new())
        };
        let location = ended.location.as_ref();
        let mut done = location.map_or_else(stays, |location| Done::going(location, reason, Vec::new()));
        done.detail = ended.remark;
        if let Some(cookie) = ended.cookie {
            done.response.headers_mut().append(SET_COOKIE, cookie);
        }
        done
    }

    /// Tells the applications behind the answer: the browser waits for nobody. Says whether that has begun.
    fn tell_behind(&self, provider: &Arc<Provider>, who: &str, told: Vec<Telling>) -> bool {
        let began = Since(self.now, Instant::now());
        let names = told.iter().map(|telling| &*telling.client_id);
        let names = names.collect::<Vec<_>>().join(", ");
        let tell = |telling| Tell {
            provider: Arc::clone(provider),
            telling,
            began,
            log: Arc::clone(self.log),
        };
        let begun = self.behind.begin_round(who, told.into_iter().map(tell).collect());
        if !begun {
            let text =
                format!("not told that a session has ended, for too many logouts are under way: {names}");
            self.log.event("warning", "logout", &text);
        }
        begun
    }
}

/// When a logout was: an application may be told minutes later, with a token of then.
#[derive(Clone, Copy, Debug)]
struct Since(Now, Instant);

impl Since {
    fn now(self) -> Now {
        let Self(now, began) = self;
        let gone = began.elapsed();
        Now {
            wall: now.wall.plus(gone),
            monotonic: now.monotonic.plus(gone),
        }
    }
}

/// An application that is told of a logout.
struct Tell {
    provider: Arc<Provider>,
    telling: Telling,
    began: Since,
    log: Arc<Log>,
}

impl Work for Tell {
    async fn attempt(&self) -> Result<(), Failed> {
        let told = self.provider.tell(&self.telling, self.began.now()).await;
        told.map_err(|error| Failed {
            why: error.to_string(),
            is_passing: error.is_passing(),
        })
    }

    fn give_up(&self, why: &str) {
        let client = &self.telling.client_id;
        let text = format!("{client} was not told that a session has ended: {why}");
        self.log.event("warning", "logout", &text);
    }
}
